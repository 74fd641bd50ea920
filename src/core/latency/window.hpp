// The counts of the last five minutes, from a ring of snapshots of counters that only grow.
//
// Every 15 s a process takes a snapshot.  The counts of the window are the present counts minus the snapshot that is
// five minutes old, so the counters themselves are never reset.
//
// Before a process counts a call, it checks whether a snapshot is due, and takes it.  So if a snapshot is late, nothing
// was counted since it was due, and it holds for every moment in between.  Therefore the window is at least five
// minutes long, and at most 15 s longer, even after hours without a call.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/latency/tally.hpp"

namespace wc::latency {

inline constexpr std::int64_t kTickNs = 15'000'000'000;
inline constexpr std::int64_t kWindowNs = 300'000'000'000;

/// A copy of a tally, to be subtracted from a later one.  Counts are modulo 2^32, so a difference is right if it is
/// below 2^32.
struct TallyImage {
    std::uint64_t sum_ns;
    std::uint32_t slow;
    std::uint32_t errors[kErrorClassCount];
    std::uint32_t buckets[kBuckets];

    void keep(const Tally &tally) noexcept;
    /// Sets `out` to what has been counted between this image and `now`.
    void difference(const Tally &now, Tally &out) const noexcept;
};

/// The window of `Series` tallies.  `read(series)` returns the present state of a tally.  Lives in shared memory.
///
/// is_due() is thread-safe.  For all other members the caller holds a lock: an exclusive one for start() and take().
template <std::size_t Series>
class Window {
public:
    /// Begins at `now`: no window contains what was counted before.  All times are nanoseconds of a clock that never
    /// goes back.
    template <class Read>
    void start(std::int64_t now, Read read) noexcept
    {
        taken_ = 0;
        put(first_, now, now, read);
        due_at_.store(now + kTickNs, std::memory_order_relaxed);
    }

    bool is_due(std::int64_t now) const noexcept { return now >= due_at_.load(std::memory_order_relaxed); }

    /// Takes a snapshot.  REQUIRES: is_due(now) returned true under the same lock.
    template <class Read>
    void take(std::int64_t now, Read read) noexcept
    {
        put(snapshots_[taken_++ % kSnapshots], due_at_.load(std::memory_order_relaxed), now, read);
        due_at_.store(now + kTickNs, std::memory_order_relaxed);
    }

    struct Begin {
        std::int64_t at;           // the time when the window begins
        const TallyImage *images;  // the counts at this time, by series
    };

    /// Returns where the window that ends at `now` begins.  It is shorter than kWindowNs only after a recent start().
    Begin begin(std::int64_t now) const noexcept
    {
        const Snapshot *found = &first_;
        for (std::size_t age = 0; age < std::min(taken_, kSnapshots); ++age) {
            const Snapshot &snapshot = snapshots_[(taken_ - 1 - age) % kSnapshots];
            if (snapshot.from <= now - kWindowNs) {
                found = &snapshot;
                break;
            }
        }
        return {std::max(found->from, std::min(found->to, now - kWindowNs)), found->images};
    }

private:
    static constexpr std::size_t kSnapshots = static_cast<std::size_t>(kWindowNs / kTickNs) + 1;

    // Counts that hold for every moment from `from` to `to`, because nothing was counted in between.
    struct Snapshot {
        std::int64_t from;
        std::int64_t to;
        TallyImage images[Series];
    };

    template <class Read>
    static void put(Snapshot &snapshot, std::int64_t from, std::int64_t to, Read read) noexcept
    {
        snapshot.from = from;
        snapshot.to = to;
        for (std::size_t i = 0; i < Series; ++i)
            snapshot.images[i].keep(read(i));
    }

    std::atomic<std::int64_t> due_at_;
    std::size_t taken_;
    Snapshot first_;
    Snapshot snapshots_[kSnapshots];
};

}  // namespace wc::latency
