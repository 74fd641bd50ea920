// Rebuilding what is read often, before anybody asks.
#pragma once
#include <vector>

#include "app/builder.hpp"
#include "app/cache.hpp"
#include "app/clock.hpp"
#include "app/hot_list.hpp"
#include "app/prewarm_backlog.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"

namespace wc::app {

/// How much rebuilding is welcome.  Invalidation comes first.
enum class Pace {
    Paused,  ///< a server is away, or another worker drains
    Slow,    ///< more is queued than one batch took: one thread, the others leave the processors to the drain
    Full,
};

/// What a prewarming thread does with its two connections.  Thread-safe; holds no state of its own.
class Prewarm {
public:
    Prewarm(const config::Live &live, const Clock &clock, HotList &hot, metrics::Metrics &metrics)
        : live_(live), clock_(clock), hot_(hot), metrics_(metrics)
    {}

    /// Builds and stores a batch.  Returns those that a fence refused and that are still hot: the next snapshot
    /// will contain the change that refused them.
    std::vector<Wanted> rebuild(Builder &builder, Store &store, const std::vector<Wanted> &batch) const;

    /// Reads the saved list, and returns the hot students that the cache does not hold: all of them when Redis came
    /// back empty, few after a short restart of the worker.
    std::vector<Wanted> find_cold(Builder &builder, Store &store) const;

    void save_hot_list(Builder &builder) const;

private:
    void rebuild(cache::Kind kind, Builder &builder, Store &store, const std::vector<Wanted> &batch,
                 std::vector<Wanted> &again) const;

    const config::Live &live_;
    const Clock &clock_;
    HotList &hot_;
    metrics::Metrics &metrics_;
};

}  // namespace wc::app
