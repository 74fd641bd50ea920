// The worker's metrics.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/protocol/section.hpp"
#include "metrics/destination.hpp"
#include "metrics/family.hpp"
#include "process/failure.hpp"
#include "process/state.hpp"

namespace wc::metrics {

/// How long calls of a function took, since the database counts.
struct FunctionLatency {
    std::string function;
    std::int64_t calls = 0, errors = 0;
    double sum_seconds = 0;
    std::vector<double> le_seconds{};   ///< rising
    std::vector<std::int64_t> below{};  ///< how many calls took at most that long, as many as le_seconds
};

/// Figures that Redis reports of itself and of its readers; nothing: unknown.
struct CacheNumbers {
    std::optional<std::int64_t> keys{}, used_memory{}, hits{}, misses{};
};

/// Some of the metrics as numbers, for the console and `wc-worker status`.
struct Totals {
    std::int64_t rows = 0, students = 0, prewarmed = 0, refused = 0, dropped = 0, swept = 0;
    std::int64_t prewarm_backlog = 0, hot_students = 0;
    bool epoch_open = false;
    std::int64_t audited = 0, audited_stale = 0, audit_undecided = 0;
    double stale_share_at_most = 1;
};

/// Has one method for each event and one for each gauge; names, help texts and buckets are in the .cpp.  Labels contain
/// only fixed words of this program, never data.  Thread-safe.
class Metrics {
public:
    Metrics();
    ~Metrics();

    using Duration = std::chrono::steady_clock::duration;

    void drained(std::size_t rows, std::size_t students);
    void invalidated(cache::Kind kind);
    void gone_after(Duration since_commit);
    void swept(std::size_t keys);
    void misfits_removed(std::size_t keys);
    void redis_changed();  ///< another process of Redis is served than before
    void set_set_aside(std::size_t students);
    void events_appended(std::size_t events);
    void set_events_held(bool yes);

    void prewarmed();
    void warm_after(Duration since_commit);
    void fill_refused();
    void prewarm_dropped(std::size_t students);

    void failed(Part part);
    void connected(Part part);  ///< counts a connection that was made, the first or a later one

    void sent(Destination to);
    void sent_again(Destination to);
    void lost(Destination to, Loss why, std::size_t messages = 1);
    void rejected(Destination to,
                  std::int64_t items);  ///< items that a receiver refused although it took their message
    void set_waiting(Destination to, std::size_t messages);
    void spans_lost(std::int64_t spans);

    void audited(cache::Kind kind, bool is_stale);
    void audit_undecided();
    /// Sets the upper bound of the share of stale values, from all audits since the start (stale_share.hpp).
    void set_stale_share_at_most(double share);

    void set_connected(Part part, bool yes);
    void set_drainer(bool yes);
    void set_epoch_open(bool yes);
    void set_state(State state);
    void set_catch_up(double rows_per_second, double seconds_left);
    void set_queue(std::size_t rows, std::chrono::microseconds oldest);
    void set_prewarm_backlog(std::size_t students);
    void set_fences(std::size_t count, std::size_t bytes);
    void set_hot_students(std::size_t students);

    void prewarm_connected(int more);  ///< +1 or -1
    void prewarm_busy(int more);
    void set_prewarm_limit(std::size_t connections);

    /// What other servers count; empty where this worker is not the one to tell.
    void set_latencies(std::vector<FunctionLatency> latencies);
    void set_cache(const CacheNumbers &numbers);
    /// When each server was last asked for it; the clock's epoch: never.
    void polled(std::chrono::steady_clock::time_point postgres, std::chrono::steady_clock::time_point redis);

    /// Of several Redis, those of one: all that each of them counts is told with its name as the label `target`, and
    /// not what this object counts itself.  REQUIRES: no thread uses this yet; `metrics` outlives it.
    void add_target(std::string target, const Metrics &metrics);

    /// Of several Redis the sums.
    Totals totals() const;
    /// All metrics in Prometheus's text format.
    std::string text() const;
    std::vector<Family> families() const;

private:
    struct Series;
    std::unique_ptr<Series> series_;
};

}  // namespace wc::metrics
