// The cache in Redis, for a prewarming thread.
#pragma once
#include "app/cache.hpp"
#include "core/protocol/key.hpp"
#include "redis/master_watch.hpp"

namespace wc::redis {

class Store : public app::Store {
public:
    /// `watch`: of the target's Sentinels, and outlives this; null: it has none.
    Store(const Target &target, cache::KeyForm form, const MasterWatch *watch = nullptr)
        : connection_(connect(target)), form_(form), watch_(watch)
    {}

    std::vector<bool> fill(std::span<const app::Entry> entries) override;
    std::vector<std::string> missing(std::span<const std::string> students) override;

private:
    Connection connection_;
    cache::KeyForm form_;
    const MasterWatch *watch_;
    std::string last_refusal_;
};

}  // namespace wc::redis
