// The cache in Redis, for a prewarming thread.
#pragma once
#include <utility>

#include "app/cache.hpp"
#include "redis/key_names.hpp"
#include "redis/master_watch.hpp"

namespace wc::redis {

class Store : public app::Store {
public:
    /// `watch`: of the target's Sentinels, and outlives this; null: it has none.
    Store(const Target &target, KeyNames keys, const MasterWatch *watch = nullptr)
        : connection_(connect(target)), keys_(std::move(keys)), watch_(watch)
    {}

    std::vector<bool> fill(std::span<const app::Entry> entries) override;
    std::vector<std::string> missing(std::span<const std::string> students) override;

private:
    Connection connection_;
    KeyNames keys_;
    const MasterWatch *watch_;
    std::string last_refusal_;
};

}  // namespace wc::redis
