// Rebuilds removed values of students that are read often, before anybody asks for them.
#pragma once
#include <vector>

#include "app/builder.hpp"
#include "app/cache.hpp"
#include "app/hot_list.hpp"
#include "app/prewarm_backlog.hpp"
#include "app/span_box.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"

namespace wc::app {

/// How many threads may rebuild.  Invalidation comes first.
enum class Pace {
    Paused,  ///< none: a server cannot be reached, or another worker drains
    Slow,    ///< one: the queue holds more than one batch, and the drain needs the processors
    Full,    ///< all
};

/// The work of a prewarming thread, with two connections that the caller owns.  Thread-safe; has no state of its own.
class Prewarm {
public:
    Prewarm(const config::Live &live, const Clock &clock, HotList &hot, metrics::Metrics &metrics, SpanBox &spans)
        : live_(live), clock_(clock), hot_(hot), metrics_(metrics), spans_(spans)
    {}

    /// Builds and stores a batch.  Returns the students whose value a fence refused and that are still hot, to be built
    /// again: the next snapshot contains the change that the fence stands for.
    std::vector<Wanted> rebuild(Builder &builder, Store &store, const std::vector<Wanted> &batch) const;

    /// Reads the saved hot list, and returns the hot students that have no summary in the cache: all of them when Redis
    /// is empty, few after a short restart of the worker.
    std::vector<Wanted> find_cold(Builder &builder, Store &store) const;

    /// Saves the hot list in the database.
    void save_hot_list(Builder &builder) const;

private:
    void rebuild(cache::Kind kind, Builder &builder, Store &store, const std::vector<Wanted> &batch,
                 std::vector<Wanted> &again) const;

    const config::Live &live_;
    const Clock &clock_;
    HotList &hot_;
    metrics::Metrics &metrics_;
    SpanBox &spans_;
};

}  // namespace wc::app
