// A tally in shared memory, to which many processes add at once.
//
// Two processes that add to one cache line wait for each other, which takes longer than all other work of counting a
// call. So there are several copies: each process adds to one of them, and a reader adds them up.  Copies only grow; a
// reader gets the counts since a moment as the difference of two sums.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/latency/tally.hpp"

namespace wc::latency {

inline constexpr std::size_t kStripes = 8;

/// All bytes 0 is an empty tally.  All members are thread-safe, and safe between processes.
class StripedTally {
public:
    /// Counts a call.  `stripe` chooses the copy: any number, the same for all calls of a process.
    void count(std::size_t stripe, std::uint64_t nanoseconds, bool is_slow) noexcept
    {
        Stripe &mine = stripes_[stripe % kStripes];
        mine.buckets[bucket_of(nanoseconds)].fetch_add(1, std::memory_order_relaxed);
        mine.sum_ns.fetch_add(nanoseconds, std::memory_order_relaxed);
        if (is_slow) [[unlikely]]
            mine.slow.fetch_add(1, std::memory_order_relaxed);
    }

    /// Counts the error with which a counted call ended.
    void count_error(std::size_t stripe, std::size_t error_class) noexcept
    {
        stripes_[stripe % kStripes].errors[error_class].fetch_add(1, std::memory_order_relaxed);
    }

    /// Sets `sum` to the sum of the copies.  A call that is counted at the same time may be in some members only.
    void read(Tally &sum) const noexcept;

private:
    // sum_ns comes first: if it is 0, a reader skips the copy and reads a single cache line of it.
    struct alignas(64) Stripe {
        std::atomic<std::uint64_t> sum_ns;
        std::atomic<std::uint64_t> slow;
        std::atomic<std::uint64_t> errors[kErrorClassCount];
        std::atomic<std::uint64_t> buckets[kBuckets];
    };
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

    Stripe stripes_[kStripes];
};

}  // namespace wc::latency
