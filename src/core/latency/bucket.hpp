// The buckets that durations are counted in: 64 ns wide below 2 µs, and within 1/64 of a duration above.
//
// The unit is 64 ns.  Below 32 units each bucket is one unit wide.  Above, each power of two is divided into 32
// buckets, so the middle of a bucket is at most 1/64 away from any duration in it.  A power of two of units is always
// the edge of a bucket, so coarser histograms with such edges are exact sums of these buckets.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace wc::latency {

inline constexpr std::uint64_t kUnitNs = 64;
inline constexpr std::size_t kPerPower = 32;
inline constexpr std::size_t kPowers = 25;
/// The last bucket also counts all durations above 68.7 s.
inline constexpr std::size_t kBuckets = kPerPower * (1 + kPowers);

/// Returns the bucket that counts a duration.
constexpr std::size_t bucket_of(std::uint64_t nanoseconds) noexcept
{
    std::uint64_t const units = nanoseconds / kUnitNs;
    if (units < kPerPower)
        return units;
    auto const shift = static_cast<unsigned>(std::bit_width(units)) - static_cast<unsigned>(std::bit_width(kPerPower));
    std::size_t const bucket = shift * kPerPower + (units >> shift);
    return bucket < kBuckets ? bucket : kBuckets - 1;
}

/// Returns the shortest duration of a bucket, in nanoseconds.  `bucket` may be kBuckets, which gives the end of the
/// last one.
constexpr std::uint64_t lower_edge_ns(std::size_t bucket) noexcept
{
    if (bucket < 2 * kPerPower)
        return bucket * kUnitNs;
    std::size_t const shift = bucket / kPerPower - 1;
    return ((kPerPower + bucket % kPerPower) << shift) * kUnitNs;
}

/// Returns the duration, in nanoseconds, that stands for all durations of a bucket.
constexpr std::uint64_t middle_ns(std::size_t bucket) noexcept
{
    return (lower_edge_ns(bucket) + lower_edge_ns(bucket + 1)) / 2;
}

}  // namespace wc::latency
