// How long the calls of one function took, and how many failed.
#pragma once
#include <cstdint>

#include "core/latency/bucket.hpp"
#include "core/latency/error_class.hpp"

namespace wc::latency {

/// Plain data, which belongs to one process.  Not thread-safe.
struct Tally {
    std::uint64_t buckets[kBuckets];
    std::uint64_t sum_ns;
    std::uint64_t slow;
    std::uint64_t errors[kErrorClassCount];  // calls that ended with an error, by class; the buckets count them too

    std::uint64_t calls() const noexcept;
    std::uint64_t failed() const noexcept;

    /// Returns a quantile by nearest rank: when the n calls are sorted by duration, that of call number ceil(q * n). It
    /// returns the middle of this call's bucket, and 0 if there are no calls.
    ///
    /// REQUIRES: 0 < q <= 1.
    double quantile_ns(double q) const noexcept;

    /// Returns how many calls took less than kUnitNs << power, which is the edge of a bucket.
    std::uint64_t calls_below(unsigned power) const noexcept;

    void add(const Tally &other) noexcept;
    /// REQUIRES: `earlier` was read before this, from the same counters.
    void subtract(const Tally &earlier) noexcept;
};

}  // namespace wc::latency
