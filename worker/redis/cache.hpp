// The cache in Redis, for the draining thread.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "config/live.hpp"
#include "core/protocol/key.hpp"
#include "redis/connection.hpp"
#include "redis/fence_window.hpp"
#include "redis/key_names.hpp"
#include "redis/master_watch.hpp"
#include "redis/removal.hpp"
#include "redis/server_info.hpp"
#include "redis/shared_names.hpp"
#include "redis/slot_set.hpp"

namespace wc::redis {

class Cache : public app::Cache {
public:
    /// Connects and loads the function library unless Redis has it.  `keys` are those that changes remove.
    /// `watch`: of the target's Sentinels, and outlives this; null: it has none.  `tag`: see SharedNames; not empty for
    /// a master of a cluster.
    Cache(const Target &target, const config::Live &live, KeyNames keys, const MasterWatch *watch = nullptr,
          const std::string &tag = {});

    app::Invalidated invalidate(std::span<const app::Change> changes, const std::string &seen) override;
    std::string append_events(std::span<const app::Event> events) override;
    void fence_all(std::span<const app::Xid> xids) override;
    app::SweepStep sweep(const std::string &cursor, const std::string &pattern) override;
    void check_keys(const std::string &database) override;
    app::Epoch epoch(const std::string &database) override;
    bool open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot) override;
    void close_epoch() override;
    void renew_liveness(Time end, const std::string &seen, std::span<const std::string> except) override;
    void advance(const std::string &snapshot, Time end, std::chrono::milliseconds life) override;
    bool set_clock(std::chrono::microseconds database) override;
    std::string run_id() const override { return info_.run_id; }
    std::string process() const override { return info_.process(); }
    std::string address() const override { return describe(connection_.address()); }
    std::size_t take_misfits() override { return std::exchange(misfits_, 0); }
    app::Fences fences() override;
    app::Reads reads() override;
    int fd() const override { return connection_.fd(); }
    void check() override;
    void ping() override { connection_.run({"PING"}); }

protected:
    struct Horizon {
        std::string snapshot;
        Time end;
        std::chrono::milliseconds life;
    };

    /// Of a cluster, where a redirection means that a slot is not wholly here.
    app::SweepStep sweep(const std::string &cursor, const std::string &pattern,
                         const std::function<bool(std::string_view)> &is_due);
    void append_renewal(Time end, const std::string &seen, std::span<const std::string> except);

    Connection connection_;
    const config::Live &live_;
    std::size_t calls_per_flight_;
    bool in_cluster_;
    SharedNames names_;
    ServerInfo info_;
    std::string epoch_of_;                           // the servers of the epoch in force
    std::optional<std::chrono::microseconds> lead_;  // by which Redis's clock is ahead of this process's steady clock
    std::optional<Horizon> horizon_;                 // the last one that this connection has set
    SlotSet doubted_;                                // slots of which a command was refused as not here

private:
    /// What an invalidation sends to Redis.
    struct Plan {
        std::vector<Stale> stale;
        std::vector<app::Xid> common;  ///< for the fence of all students: some students get no fence of their own
        app::Fences raised;
    };

    Plan plan(std::span<const app::Change> changes) const;
    void raise_fence_all(std::string_view xids);
    std::string configured_life() const;
    std::string by_its_clock(Time time) const;
    void append_fence_all(std::string_view xids);
    void read_fence_all();
    void mend_shared_keys();
    void remove_pages_by_scan(const std::unordered_set<std::string_view> &students);
    Reply scan(const std::string &cursor, std::string_view pattern);
    std::size_t unlink(std::vector<std::string_view> keys);
    std::size_t unlink_one_by_one(std::span<const std::string_view> keys);
    std::string servers(const std::string &database) const;

    KeyNames keys_;
    const MasterWatch *watch_;
    std::string named_;    // what the watch named when this connection was made
    Time settled_;         // from then on this connection does not stay with another master than that
    std::string life_ms_;  // how long a fence lives in the epoch in force
    FenceWindow window_;
    std::size_t misfits_ = 0;
};

}  // namespace wc::redis
