// The counts of the calls of one database, in memory that all sessions share.
//
// A session that counts a call takes no lock and resets nothing (core/latency).  Readers take the lock.  So does the
// one call in 15 s that finds a snapshot due, unless it would have to wait.  The server clears the memory at each start
// and after each crash.
#pragma once
#include "core/latency/striped_tally.hpp"
#include "core/latency/window.hpp"
#include "core/trace/event_ring.hpp"
#include "core/trace/line_limit.hpp"
#include "extension/calls/counted_function.hpp"
#include "extension/calls/event.hpp"
#include "extension/server/shared_memory.hpp"

namespace wc::calls {

inline constexpr std::size_t kSlowCalls = 128;
inline constexpr std::size_t kSpans = 4096;

struct Counts {
    std::atomic<Oid> database;  // InvalidOid: no database has claimed this place
    LWLock *lock;
    TimestampTz since;                              // under the lock
    latency::Tally ignored[kFunctionCount];         // the counts at that time, which are not shown; under the lock
    latency::Window<kFunctionCount> window;         // under the lock
    latency::StripedTally tallies[kFunctionCount];  // counts of calls, which only grow
    trace::EventRing<SlowCall, kSlowCalls> slow_calls;
    std::uint64_t first_slow_call;  // the number of the first one that is shown; under the lock
    trace::LineLimit log_lines;
    trace::EventRing<Span, kSpans> spans;
    std::uint64_t next_span;  // the number of the first one that nobody has taken; under the lock
};

/// Returns the counts of this database, or null if its calls are not counted.  The first call in a session may claim a
/// place and read the catalog.
Counts *current_counts();

/// Whether calls of this database are counted, and if not, why.
enum class Counting { Yes, NotPreloaded, TurnedOff, NoRoom };
Counting counting();

/// Returns nanoseconds of a clock that never goes back and is the same in all processes.
std::int64_t clock_ns() noexcept;

/// Takes a snapshot if one is due.  REQUIRES: the caller holds `counts.lock` exclusively.
void take_snapshot(Counts &counts, std::int64_t now) noexcept;

/// Like take_snapshot(), but takes the lock itself.  Does nothing if the lock is not free; never waits.
void try_to_take_snapshot(Counts &counts, std::int64_t now) noexcept;

/// Sets all counts that are shown to 0.  REQUIRES: the caller holds `counts.lock` exclusively.
void begin_anew(Counts &counts);

/// Asks the server for the memory.  REQUIRES: the library is being preloaded.
void reserve();

}  // namespace wc::calls
