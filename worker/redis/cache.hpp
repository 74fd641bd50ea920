// The cache in Redis, for the draining thread.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "app/cache.hpp"
#include "config/live.hpp"
#include "core/cache/key.hpp"
#include "redis/connection.hpp"
#include "redis/fence_window.hpp"

namespace wc::redis {

class Cache : public app::Cache {
public:
    /// Connects and sees to the function library.
    Cache(const Target &target, const config::Live &live);

    std::vector<app::KindSet> invalidate(std::span<const app::Change> changes) override;
    void fence_all(std::span<const app::Xid> xids) override;
    app::SweepStep sweep(const std::string &cursor, const std::string &pattern) override;
    app::Epoch epoch(const std::string &database) override;
    bool open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot) override;
    void close_epoch() override;
    void vouch(app::Time end) override;
    void advance(const std::string &snapshot, app::Time end, std::chrono::milliseconds life) override;
    bool set_clock(std::chrono::microseconds database) override;
    app::Fences fences() override;
    app::Reads reads() override;
    int fd() const override { return connection_.fd(); }
    void check() override;
    void ping() override { connection_.run({"PING"}); }

private:
    /// A student of a batch, in the words of Redis.
    struct Stale {
        std::size_t change;  ///< its place in the batch
        char kinds;
        std::string prefix;
        std::string xids;  ///< empty: fenced with all others
    };

    std::string configured_life() const;
    std::string by_its_clock(app::Time time) const;
    void append_invalidate(std::span<const Stale> students);
    void append_fence_all(std::string_view xids);
    void remove_pages_by_scan(std::span<const app::Change> changes);
    Reply scan(const std::string &cursor, std::string_view pattern);
    std::size_t unlink(std::vector<std::string_view> keys);
    std::string servers(const std::string &database) const { return run_id_ + " " + database; }

    Connection connection_;
    const config::Live &live_;
    cache::KeyForm form_;
    std::string run_id_;                             // of this start of Redis
    std::string life_ms_;                            // of fences, in force
    std::string epoch_of_;                           // the servers of the epoch in force
    std::optional<std::chrono::microseconds> lead_;  // by which Redis's clock is ahead of the steady one
    FenceWindow window_;
};

}  // namespace wc::redis
