// Decides in which state the worker is, and why, and tells HTTP, the metrics and the log.
#pragma once
#include <optional>
#include <string>

#include "app/health.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"
#include "process/failure.hpp"
#include "process/state.hpp"

namespace wc::app {

/// What the loop knows about the worker.
struct Sight {
    /// The last failure of each server, until a whole turn of the loop has succeeded with it.
    std::optional<Failure> postgres, redis;
    std::string holders;           ///< which sessions hold what the worker waits for
    bool is_connected = false;     ///< to both servers
    bool is_elected = false;       ///< holds the drain lock
    bool is_registered = false;    ///< elected, and the database queues changes for it
    bool has_drained = false;      ///< has found the queue's end since it registered
    Time elected_at{};             ///< since when it has held the drain lock without being registered
    std::string other_redis;       ///< the Redis that another worker serves
    std::size_t set_aside = 0;     ///< students whose changes Redis refuses
    std::string shards_away{};     ///< which shards of a cluster cannot be reached, in words
    bool evicts = false;           ///< Redis may evict fences
    std::string events_refused{};  ///< why the stream takes no events
    bool sweeps = false;           ///< a sweep is running
    Time behind_since{};        ///< since when drains have not found the queue's end; the clock's epoch: the last did
    std::string progress;       ///< of a worker that is behind, in words
    bool is_undrained = false;  ///< rows wait, and the worker that holds the drain lock takes none
    bool is_busy = false;       ///< the last drain took rows
    std::optional<Failure> unreported;  ///< why the database refuses this worker's report
    std::optional<Failure> cold;        ///< why nothing has been rebuilt for some seconds
};

/// Returns the state for what the loop knows.  If several apply, the most serious one counts.
Standing judge(const Sight &sight, Time now);

/// Tells HTTP, the metrics and the log.  For one thread.
class Announcer {
public:
    Announcer(Health &health, metrics::Metrics &metrics) : health_(health), metrics_(metrics) {}

    /// Returns true if the state differs from that of the last call.
    bool announce(const Standing &standing);

private:
    Health &health_;
    metrics::Metrics &metrics_;
    State last_ = State::Starting;
};

}  // namespace wc::app
