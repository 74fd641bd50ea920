#include "core/latency/striped_tally.hpp"

namespace wc::latency {

void StripedTally::read(Tally &sum) const noexcept
{
    sum = {};
    for (const Stripe &stripe : stripes_) {
        // A copy with calls has a sum above 0, because even the shortest call takes a nanosecond.
        std::uint64_t const nanoseconds = stripe.sum_ns.load(std::memory_order_relaxed);
        if (nanoseconds == 0)
            continue;
        sum.sum_ns += nanoseconds;
        sum.slow += stripe.slow.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < kErrorClassCount; ++i)
            sum.errors[i] += stripe.errors[i].load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < kBuckets; ++i)
            sum.buckets[i] += stripe.buckets[i].load(std::memory_order_relaxed);
    }
}

}  // namespace wc::latency
