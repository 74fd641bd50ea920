// Cached values in Redis, for the auditing thread.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/cache_sample.hpp"
#include "redis/key_names.hpp"
#include "redis/master_watch.hpp"

namespace wc::redis {

/// All names that a worker builds values for.
std::vector<app::CachedName> names_of(std::span<const std::string> students, std::size_t secrets);

class Sample : public app::CacheSample {
public:
    /// `scan_count`: how many keys one step examines.  `watch`: of the target's Sentinels, and outlives this; null: it
    /// has none.
    Sample(const Target &target, KeyNames keys, std::int64_t scan_count, const MasterWatch *watch = nullptr)
        : Sample(connect(target), std::move(keys), scan_count, watch)
    {}
    /// Of one shard of a cluster.
    struct OfShard {};
    Sample(OfShard, const Target &node, KeyNames keys, std::int64_t scan_count)
        : Sample(node, std::move(keys), scan_count)
    {
        is_shard_ = true;
    }
    Sample(Connection connection, KeyNames keys, std::int64_t scan_count, const MasterWatch *watch = nullptr)
        : connection_(std::move(connection)),
          keys_(std::move(keys)),
          watch_(watch),
          scan_count_(std::to_string(scan_count))
    {}

    app::SampleStep scan(const std::string &cursor) override;
    bool are_opaque() const override { return keys_.are_opaque(); }
    std::vector<app::CachedName> cached(std::span<const std::string> students) override;
    std::string name(const std::string &student) const override { return keys_.names(student).front(); }
    std::optional<app::CachedValue> read(const app::CachedName &name) override;
    void remove(const std::string &student, app::Xid xid) override;

    /// Those of the names under which there is a value.
    std::vector<app::CachedName> cached(std::vector<app::CachedName> names);
    /// Removes the values under these prefixes.  `fence_life_ms`: as the last value that was read says.
    void remove(std::vector<std::string> prefixes, app::Xid xid, const std::string &fence_life_ms);
    const std::string &fence_life_ms() const noexcept { return fence_life_ms_; }

private:
    std::string key_of(const app::CachedName &name) const;
    std::optional<Reply> read_of_slot();

    Connection connection_;
    KeyNames keys_;
    const MasterWatch *watch_;
    bool is_shard_ = false;
    std::string scan_count_;
    std::string fence_life_ms_;  // as it was when the last value was read
};

}  // namespace wc::redis
