// The cache in Redis, for a prewarming thread.
#pragma once
#include "app/cache.hpp"
#include "core/cache/key.hpp"
#include "redis/connection.hpp"

namespace wc::redis {

class Store : public app::Store {
public:
    Store(const Target &target, cache::KeyForm form) : connection_(target), form_(form) {}

    std::vector<bool> fill(std::span<const app::Entry> entries) override;
    std::vector<std::string> missing(std::span<const std::string> students) override;

private:
    Connection connection_;
    cache::KeyForm form_;
};

}  // namespace wc::redis
