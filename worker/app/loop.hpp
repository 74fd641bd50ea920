// The worker's one loop: connect, elect, drain, sweep, wait.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/cache.hpp"
#include "app/drain.hpp"
#include "app/event_stream.hpp"
#include "app/health.hpp"
#include "app/horizon.hpp"
#include "app/prewarm.hpp"
#include "app/progress.hpp"
#include "app/queue.hpp"
#include "app/shards.hpp"
#include "app/standing.hpp"
#include "app/sweep.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"
#include "process/retry.hpp"

namespace wc::app {

/// What the loop works with.  REQUIRES: whatever is a reference outlives the loop.
struct LoopPorts {
    const config::Live &live;
    const Clock &clock;
    Waiter &waiter;
    Drain &drain;
    Sweep &sweep;
    EventStream &events;
    HotList &hot;
    metrics::Metrics &metrics;
    Health &health;

    /// Connects, and listens before it returns: a change that is queued from then on wakes the loop, and the first
    /// drain finds the changes that were queued before.
    std::function<std::unique_ptr<Queue>()> connect_queue{};
    std::function<std::unique_ptr<Cache>()> connect_cache{};
    /// Asks the pool to rebuild the hot students that are cold in the cache.
    std::function<void()> refill{};
    std::function<void()> save_hot_list{};
    std::function<void(Pace)> set_prewarm_pace{};
    /// What has kept values from being rebuilt for some seconds, if anything has.
    std::function<std::optional<Failure>()> prewarm_trouble = [] { return std::optional<Failure>(); };
    std::string worker_name{};
    /// Several processes of Redis take each other's place: readers may still ask the one that was served before.
    bool redis_moves = false;
    /// It is one of several Redis: the database keeps rows for it only while it is vouched for.
    bool is_target = false;
};

/// When the loop does each of its periodic duties next.  Time{} is at once.
struct LoopTimers {
    Time poll{};       ///< drains although nobody called
    Time drain{};      ///< may drain again: the end of the rest after a drain
    Time election{};   ///< asks for the lock of the worker that drains
    Time keys{};       ///< compares what keys call the students
    Time epoch{};      ///< compares the epoch in Redis with the servers
    Time clock{};      ///< publishes how far apart the servers' clocks are
    Time vouching{};   ///< tells the database that this Redis is kept fresh
    Time liveness{};   ///< renews wc:alive
    Time heartbeat{};  ///< checks both connections
    Time save{};       ///< saves the hot list
    Time backlog{};    ///< measures the queue
    Time obstacles{};  ///< asks the database who is in the way
    Time report{};     ///< writes the worker's row for wc_diagnose
    Time progress{};   ///< logs how far a worker that is behind has come
    Time events{};     ///< asks a stream of events that took none whether it takes them again

    void postgres_connected() { election = keys = backlog = report = obstacles = {}; }
    void redis_connected() { poll = keys = epoch = clock = liveness = obstacles = {}; }
    void registered() { poll = epoch = clock = liveness = {}; }
};

/// Connects to each of the two servers independently of the other.  Asks for the lock of the worker that drains only
/// while Redis answers, and releases it when Redis cannot be reached again, so that a worker that reaches both takes
/// over.  For one thread.
class Loop {
public:
    explicit Loop(LoopPorts ports);

    /// Turns until the waiter says stop; finishes the turn it is in.
    void run();
    /// Does what is due, then waits.  Tests call it alone.
    void turn();

private:
    // How often the queue is measured when it is not known to be empty, and the database asked who is in the way.
    static constexpr std::chrono::seconds kLookInterval{2};

    void connect_queue();
    void connect_cache();
    void let_others_drain(std::string_view why);
    void ensure_keys();
    void elect();
    void ensure_clock();
    void ensure_epoch();
    void tend_shards(Shards &shards);
    void tell_of_lost_events(Shards &shards, const std::string &process);
    void close_epoch(Epoch found);
    void vouch();
    void distrust_cache();
    bool serve();
    void hold(std::chrono::milliseconds served);
    void ensure_horizon();
    void resume_events();
    void drain();
    void renew_liveness(Time since, const std::string &seen);
    void sweep();
    void do_housekeeping();
    void find_obstacles();
    void update_standing();
    void report();
    void confirm_connections();
    void wait();
    void drop_connection(const Failure &failure);
    void show_queue(const Backlog &backlog);
    void show_progress();
    void show_sweep();
    std::chrono::milliseconds poll_interval() const;
    bool works() const noexcept { return registered_ && cache_ != nullptr; }

    LoopPorts ports_;
    LoopTimers timers_;

    std::unique_ptr<Queue> queue_;
    std::unique_ptr<Cache> cache_;
    Retry queue_retry_, cache_retry_;
    bool elected_ = false;     ///< holds the lock
    bool registered_ = false;  ///< the database queues changes for this worker
    bool reported_draining_ = false;
    bool woken_ = false;
    bool drained_ = false;  ///< the last pass found the queue's end
    bool evicts_ = false;   ///< Redis may evict fences, as of the last look
    std::string served_;    ///< the process of Redis that the database knows to be served; empty: not asked yet
    Time held_until_{};     ///< nothing is acknowledged before
    std::optional<Time>
        vouched_until_;  ///< the end of the liveness that this worker renewed last; nothing: others may have
    Time vouched_at_{};  ///< when the database was told last that this target is kept fresh
    bool was_well_ = false;
    Time last_rows_{};      ///< when a drain last found rows
    Time first_unmoved_{};  ///< since when the first row has stayed where another worker drains
    Time other_since_{};    ///< since when another worker serves another Redis
    Sight sight_;
    Standing standing_;
    Announcer announcer_;
    Progress progress_;
    Backlog backlog_;
    Horizon horizon_;
};

}  // namespace wc::app
