// Removes the cached values of all students, in steps that do not delay the drain.
#pragma once
#include <string>
#include <vector>

#include "app/cache.hpp"
#include "app/event_stream.hpp"
#include "app/hot_list.hpp"
#include "app/queue.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"

namespace wc::app {

/// First a fence for all students, at once; then SCAN and UNLINK a slice at a time, between drains; then the queue's
/// rows are deleted.  Rows that arrive during a sweep are fenced at once and get a sweep of their own afterwards,
/// because the running one may have passed their keys already.  SCAN finds every key that exists from its beginning to
/// its end, and what is stored in the meantime has passed the fence.
///
/// The rows stay in the queue until then, so a crash starts over.  They stay longer while the stream of events takes
/// none.  Not thread-safe.
class Sweep {
public:
    /// The progress of the running sweep, or of the last one.
    struct Progress {
        std::size_t seen = 0, removed = 0;  ///< keys
        Time began{};
    };

    Sweep(const Clock &clock, HotList &hot, metrics::Metrics &metrics, EventStream &events)
        : clock_(clock), hot_(hot), metrics_(metrics), events_(events)
    {}

    /// Whether a sweep is running or waiting.
    bool is_active() const noexcept { return !running_.empty() || !waiting_.empty(); }
    Progress progress() const noexcept { return {seen_, removed_, began_}; }
    void add(const std::vector<Everything> &rows, Cache &cache);
    /// Works until `deadline`, at least one step.  Returns true if a sweep has ended.  REQUIRES: is_active().
    bool advance(Queue &queue, Cache &cache, Time deadline);

    /// Appends the events that the stream had refused, and so ends their sweeps.  REQUIRES: the stream takes events
    /// again.
    void tell(Queue &queue, Cache &cache);

    /// Fences again and sweeps from the beginning, because a Redis that was lost may have lost the fence.
    void restart(Cache &cache);
    /// Drops all rows, because PostgreSQL was lost: the next drain finds the rows again.
    void forget() noexcept;

private:
    void begin();
    void take_turn();
    bool finish(const std::vector<Everything> &rows, Queue &queue, Cache &cache);

    const Clock &clock_;
    HotList &hot_;
    metrics::Metrics &metrics_;
    EventStream &events_;
    std::vector<Everything> running_, waiting_;
    std::vector<Everything> untold_;  ///< swept, but the stream has not taken their events
    std::string pattern_;             ///< of the running sweep
    std::string cursor_ = "0";
    std::size_t seen_ = 0, removed_ = 0;
    Time began_{};
};

}  // namespace wc::app
