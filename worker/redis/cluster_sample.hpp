// Cached values in a Redis Cluster, for the auditing thread.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/cluster_watch.hpp"
#include "redis/sample.hpp"

namespace wc::redis {

/// Goes from shard to shard.  What lies in a slot that nobody serves is not there.
class ClusterSample : public app::CacheSample {
public:
    /// `watch` outlives this.
    ClusterSample(const Target &target, KeyNames keys, std::int64_t scan_count, const ClusterWatch &watch)
        : target_(target), keys_(std::move(keys)), scan_count_(scan_count), watch_(watch)
    {}

    app::SampleStep scan(const std::string &cursor) override;
    bool are_opaque() const override { return keys_.are_opaque(); }
    std::vector<app::CachedName> cached(std::span<const std::string> students) override;
    std::string name(const std::string &student) const override { return keys_.names(student).front(); }
    std::optional<app::CachedValue> read(const app::CachedName &name) override;
    void remove(const std::string &student, app::Xid xid) override;

private:
    /// The shard that serves the slot of the key; null: none does.
    Sample *shard_of(std::string_view key);
    Sample &shard_at(const Endpoint &endpoint);

    Target target_;
    KeyNames keys_;
    std::int64_t scan_count_;
    const ClusterWatch &watch_;
    std::map<std::string, std::unique_ptr<Sample>> shards_;  // by `host:port`
    std::string fence_life_ms_;                              // as it was when the last value was read
};

}  // namespace wc::redis
