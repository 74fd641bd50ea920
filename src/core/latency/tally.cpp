#include "core/latency/tally.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace wc::latency {

std::uint64_t Tally::calls() const noexcept
{
    return std::accumulate(std::begin(buckets), std::end(buckets), std::uint64_t{0});
}

std::uint64_t Tally::failed() const noexcept
{
    return std::accumulate(std::begin(errors), std::end(errors), std::uint64_t{0});
}

double Tally::quantile_ns(double q) const noexcept
{
    std::uint64_t const n = calls();
    if (n == 0)
        return 0;
    auto const rank =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(n))), 1, n);
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    while ((seen += buckets[bucket]) < rank)
        ++bucket;
    return static_cast<double>(middle_ns(bucket));
}

std::uint64_t Tally::calls_below(unsigned power) const noexcept
{
    std::size_t const end = std::min(bucket_of(kUnitNs << power), kBuckets);
    return std::accumulate(buckets, buckets + end, std::uint64_t{0});
}

void Tally::add(const Tally &other) noexcept
{
    for (std::size_t i = 0; i < kBuckets; ++i)
        buckets[i] += other.buckets[i];
    sum_ns += other.sum_ns;
    slow += other.slow;
    for (std::size_t i = 0; i < kErrorClassCount; ++i)
        errors[i] += other.errors[i];
}

void Tally::subtract(const Tally &earlier) noexcept
{
    for (std::size_t i = 0; i < kBuckets; ++i)
        buckets[i] -= earlier.buckets[i];
    sum_ns -= earlier.sum_ns;
    slow -= earlier.slow;
    for (std::size_t i = 0; i < kErrorClassCount; ++i)
        errors[i] -= earlier.errors[i];
}

}  // namespace wc::latency
