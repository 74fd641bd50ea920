// The cache in a Redis Cluster, for a prewarming thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "app/cache.hpp"
#include "redis/cluster_watch.hpp"
#include "redis/store.hpp"

namespace wc::redis {

/// A value of a shard that is away is not stored, and nothing of it is missing; the others go on.
class ClusterStore : public app::Store {
public:
    /// `watch` outlives this.
    ClusterStore(const Target &target, KeyNames keys, const ClusterWatch &watch)
        : target_(target), keys_(std::move(keys)), watch_(watch)
    {}

    std::vector<bool> fill(std::span<const app::Entry> entries) override;
    std::vector<std::string> missing(std::span<const std::string> students) override;

private:
    /// Gives each shard the places of its keys.  Throws the failure of a shard if none answered.
    void each_shard(std::span<const std::string> keys,
                    const std::function<void(redis::Store &, const std::vector<std::size_t> &)> &act);

    Target target_;
    KeyNames keys_;
    const ClusterWatch &watch_;
    std::map<std::string, std::unique_ptr<redis::Store>> stores_;  // by `host:port`
};

}  // namespace wc::redis
