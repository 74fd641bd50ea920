// Works off one batch of the queue: applies it to Redis, and deletes it in PostgreSQL only after the acknowledgement.
#pragma once
#include <functional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "app/change_spans.hpp"
#include "app/event_stream.hpp"
#include "app/hot_list.hpp"
#include "app/prewarm_backlog.hpp"
#include "app/queue.hpp"
#include "app/span_box.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"

namespace wc::app {

/// Why nothing is lost: the rows are deleted in a transaction that commits only after Redis has acknowledged every call
/// of the batch.  A crash or a failure anywhere before leaves them in the queue, and to invalidate twice does no harm.
/// What was hot is handed on to be rebuilt before the commit: the fences stand, so a fill is safe already.
///
/// The events are appended after the acknowledgement and before the commit: a program that reads an event finds the
/// cache without the old value, and a crash before the commit only repeats the event.  While the stream takes no
/// events, the rows stay in the queue, and the removal goes on.
///
/// A change that Redis refuses for itself alone must not hold up the others: it is set aside in the database, in the
/// same transaction, and tried again from time to time.  Until it succeeds, liveness excepts that student: wc_get finds
/// nothing of it.  The same holds for the students of a shard of a cluster that is away.
class Drain {
public:
    using Want = std::function<void(std::vector<Wanted>)>;

    struct Result {
        bool complete = true;
        /// Rows for every student, which `Sweep` works off.
        std::vector<Everything> everything;
        bool lapsed = false;  ///< see Batch
        std::size_t rows = 0;
        std::string seen;             ///< see Batch
        bool has_noted_seen = false;  ///< Redis knows it already
    };

    Drain(const config::Live &live, const Clock &clock, HotList &hot, metrics::Metrics &metrics, SpanBox &spans,
          EventStream &events, Want want)
        : live_(live),
          clock_(clock),
          hot_(hot),
          metrics_(metrics),
          spans_(spans),
          events_(events),
          want_(std::move(want))
    {}

    /// `is_sweeping`: a sweep for rows for every student is not over yet.
    Result pass(Queue &queue, Cache &cache, bool is_sweeping = false);

    /// This worker drains from now on.  Reads at the next pass what other workers have set aside.
    void begin() noexcept { next_try_ = {}; }
    /// Students whose changes are set aside, each once.
    const std::vector<std::string> &set_aside() const noexcept { return set_aside_; }

private:
    /// What Redis refused, and whether it knows what was drained.
    struct Outcome {
        std::vector<SetAside> refused;
        bool has_noted_seen = false;
    };

    void try_set_aside(Queue &queue, Cache &cache);
    Outcome apply(const Batch &batch, const std::string &seen, Cache &cache, Time taken, ChangeSpans &spans);
    Outcome work_off(Batch &batch, const std::string &seen, Queue &queue, Cache &cache, Time began);
    void note_misfits(std::size_t count);

    const config::Live &live_;
    const Clock &clock_;
    HotList &hot_;
    metrics::Metrics &metrics_;
    SpanBox &spans_;
    EventStream &events_;
    Want want_;
    void set_aside(const std::vector<SetAside> &refused);

    std::vector<std::string> set_aside_;
    std::unordered_set<std::string> is_set_aside_;  ///< the students of set_aside_
    Time next_try_{};
    bool has_told_of_misfits_ = false;
};

}  // namespace wc::app
