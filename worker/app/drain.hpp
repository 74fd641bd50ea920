// One batch of the queue: from PostgreSQL to Redis, and back only with the acknowledgement.
#pragma once
#include <functional>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "app/clock.hpp"
#include "app/hot_list.hpp"
#include "app/prewarm_backlog.hpp"
#include "app/queue.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"

namespace wc::app {

/// Why nothing is lost: the rows are deleted in a transaction that commits only after Redis has acknowledged every call
/// of the batch.  A crash or a failure anywhere before leaves them in the queue, and to invalidate twice does no harm.
/// What was hot is handed on to be rebuilt before the commit: the fences stand, so a fill is safe already.
class Drain {
public:
    using Want = std::function<void(std::vector<Wanted>)>;

    struct Result {
        bool complete = true;
        /// Rows for every student, which `Sweep` works off.
        std::vector<Everything> everything;
        bool lapsed = false;  ///< see Batch
        std::size_t rows = 0;
    };

    Drain(const config::Live &live, const Clock &clock, HotList &hot, metrics::Metrics &metrics, Want want)
        : live_(live), clock_(clock), hot_(hot), metrics_(metrics), want_(std::move(want))
    {}

    Result pass(Queue &queue, Cache &cache);

private:
    void apply(const std::vector<Change> &changes, Cache &cache, Time taken);

    const config::Live &live_;
    const Clock &clock_;
    HotList &hot_;
    metrics::Metrics &metrics_;
    Want want_;
};

}  // namespace wc::app
