// "Every student": all that is cached goes, in steps that hold nobody up.
#pragma once
#include <string>
#include <vector>

#include "app/cache.hpp"
#include "app/clock.hpp"
#include "app/hot_list.hpp"
#include "app/queue.hpp"
#include "metrics/metrics.hpp"

namespace wc::app {

/// First a fence for all students, at once; then SCAN and UNLINK a slice at a time, between drains; then the queue's
/// rows are deleted.  Rows that arrive during a sweep are fenced at once and get a sweep of their own afterwards,
/// because the running one may have passed their keys already.  SCAN finds every key that exists from its beginning to
/// its end, and what is stored in the meantime has passed the fence.
///
/// The rows stay in the queue until then, so a crash starts over.  Not thread-safe.
class Sweep {
public:
    Sweep(const Clock &clock, HotList &hot, metrics::Metrics &metrics) : clock_(clock), hot_(hot), metrics_(metrics) {}

    bool is_active() const noexcept { return !running_.empty() || !waiting_.empty(); }
    void add(const std::vector<Everything> &rows, Cache &cache);
    /// Works until `deadline`, at least one step.  True if a sweep has come to its end.
    bool advance(Queue &queue, Cache &cache, Time deadline);

    /// Redis came back, perhaps empty and without the fence: fence and sweep from the start.
    void restart(Cache &cache);
    /// PostgreSQL is lost: it will name the rows again.
    void forget() noexcept;

private:
    void begin();
    void take_turn();

    const Clock &clock_;
    HotList &hot_;
    metrics::Metrics &metrics_;
    std::vector<Everything> running_, waiting_;
    std::string pattern_;  ///< of the running sweep
    std::string cursor_ = "0";
    std::size_t seen_ = 0, removed_ = 0;
    Time began_{};
};

}  // namespace wc::app
