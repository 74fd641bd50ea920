#include "destinations/differences.hpp"

#include <utility>

namespace wc::destinations {
namespace {

using metrics::Sample;

std::string key_of(const std::string &family, const Sample &sample)
{
    auto key = family;
    for (auto const &[name, value] : sample.labels)
        key.append(1, '\0').append(name).append(1, '\0').append(value);
    return key;
}

bool has_grown(const Sample &sample, const Sample &before)
{
    if (sample.value < before.value || sample.count < before.count || sample.bounds != before.bounds)
        return false;
    for (std::size_t i = 0; i < sample.below.size(); ++i)
        if (sample.below[i] < before.below[i])
            return false;
    return true;
}

}  // namespace

bool Differences::take(const metrics::Family &family, Sample &sample)
{
    auto const now = sample;
    auto const [found, is_new] = before_.try_emplace(key_of(family.name, sample), now);
    if (is_new)
        return family.since_start;
    auto const before = std::exchange(found->second, now);
    // Otherwise the other server counts from zero again.
    if (has_grown(sample, before)) {
        sample.value -= before.value;
        sample.count -= before.count;
        sample.sum -= before.sum;
        for (std::size_t i = 0; i < sample.below.size(); ++i)
            sample.below[i] -= before.below[i];
    }
    return true;
}

}  // namespace wc::destinations
