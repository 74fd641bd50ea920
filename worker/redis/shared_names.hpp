// The names that all students of one Redis, or of one shard of a cluster, share.
#pragma once
#include <string>
#include <string_view>

#include "core/protocol/library.hpp"

namespace wc::redis {

/// `tag`: empty, or `:{N}` in a cluster.
struct SharedNames {
    explicit SharedNames(std::string_view tag)
        : fence_all(with(library::kFenceAll, tag)),
          epoch(with(library::kEpoch, tag)),
          epoch_of(with(library::kEpochOf, tag)),
          epoch_life(with(library::kEpochLife, tag)),
          epoch_opening(with(library::kEpochOpening, tag)),
          horizon(with(library::kHorizon, tag)),
          clock(with(library::kClock, tag)),
          alive(with(library::kAlive, tag))
    {}

    std::string fence_all, epoch, epoch_of, epoch_life, epoch_opening, horizon, clock, alive;

private:
    static std::string with(std::string_view name, std::string_view tag)
    {
        return std::string(name) + std::string(tag);
    }
};

}  // namespace wc::redis
