#include "core/latency/window.hpp"

namespace wc::latency {

void TallyImage::keep(const Tally &tally) noexcept
{
    sum_ns = tally.sum_ns;
    slow = static_cast<std::uint32_t>(tally.slow);
    for (std::size_t i = 0; i < kErrorClassCount; ++i)
        errors[i] = static_cast<std::uint32_t>(tally.errors[i]);
    for (std::size_t i = 0; i < kBuckets; ++i)
        buckets[i] = static_cast<std::uint32_t>(tally.buckets[i]);
}

void TallyImage::difference(const Tally &now, Tally &out) const noexcept
{
    out.sum_ns = now.sum_ns - sum_ns;
    out.slow = static_cast<std::uint32_t>(now.slow) - slow;
    for (std::size_t i = 0; i < kErrorClassCount; ++i)
        out.errors[i] = static_cast<std::uint32_t>(now.errors[i]) - errors[i];
    for (std::size_t i = 0; i < kBuckets; ++i)
        out.buckets[i] = static_cast<std::uint32_t>(now.buckets[i]) - buckets[i];
}

}  // namespace wc::latency
