// The worker's one loop: connect, lead, drain, sweep, wait.
#pragma once
#include <functional>
#include <memory>

#include "app/cache.hpp"
#include "app/clock.hpp"
#include "app/drain.hpp"
#include "app/health.hpp"
#include "app/horizon.hpp"
#include "app/prewarm.hpp"
#include "app/queue.hpp"
#include "app/retry.hpp"
#include "app/sweep.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"

namespace wc::app {

/// What the loop needs from outside.
struct LoopPorts {
    /// Connects, and listens before it returns: what is queued from then on wakes the loop, what was queued before is
    /// found by the first drain.
    std::function<std::unique_ptr<Queue>()> connect_queue;
    std::function<std::unique_ptr<Cache>()> connect_cache;
    /// Hot students that are cold in the cache are to be rebuilt.
    std::function<void()> refill;
    std::function<void()> save_hot_list;
    std::function<void(Pace)> set_prewarm_pace;
};

/// The two servers are lost and found independently of each other.  The lock of the one who drains is asked for only
/// while Redis answers, and given up when Redis cannot be reached again, so that a worker that can reach both takes
/// over. One thread.
class Loop {
public:
    Loop(const config::Live &live, const Clock &clock, Waiter &waiter, LoopPorts ports, Drain &drain, Sweep &sweep,
         HotList &hot, metrics::Metrics &metrics, Health &health);

    /// Until the waiter says stop.  What is in hand is finished.
    void run();
    /// One round, for the tests: does what is due, then waits.
    void turn();

private:
    void connect_queue();
    void connect_cache();
    void lead();
    void see_to_clock();
    void see_to_epoch();
    void close_epoch(Epoch found);
    void distrust();
    void see_to_horizon();
    void drain();
    void vouch(Time since);
    void sweep();
    void tend();
    void report();
    void keep();
    void wait();
    void lose(const Failure &failure);
    void show_queue(Backlog backlog);
    std::chrono::milliseconds poll_interval() const;
    bool works() const noexcept { return enrolled_ && cache_ != nullptr; }

    const config::Live &live_;
    const Clock &clock_;
    Waiter &waiter_;
    LoopPorts ports_;
    Drain &drain_;
    Sweep &sweep_;
    HotList &hot_;
    metrics::Metrics &metrics_;
    Health &health_;

    std::unique_ptr<Queue> queue_;
    std::unique_ptr<Cache> cache_;
    Retry queue_retry_, cache_retry_;
    bool elected_ = false;   ///< holds the lock
    bool enrolled_ = false;  ///< and the database queues for us
    bool reported_draining_ = false;
    bool woken_ = false;
    bool drained_ = false;  ///< the last pass found the queue's end
    bool evicts_ = false;   ///< Redis was last seen to be one that may evict fences
    Time next_poll_{}, next_election_{}, next_heartbeat_{}, next_save_{}, next_look_{}, next_epoch_{}, next_clock_{},
        next_vouch_{}, next_drain_{}, next_report_{};
    Horizon horizon_;
};

}  // namespace wc::app
