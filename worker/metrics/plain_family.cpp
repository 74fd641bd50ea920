#include "metrics/plain_family.hpp"

#include <algorithm>
#include <cmath>

namespace wc::metrics {
namespace {

using prometheus::MetricType;

// A bucket of Prometheus counts all values that are not above its bound, so it includes the buckets before it.
void set_histogram(Sample &sample, const prometheus::ClientMetric::Histogram &histogram)
{
    sample.count = histogram.sample_count;
    sample.sum = histogram.sample_sum;
    std::uint64_t before = 0;
    for (auto const &bucket : histogram.bucket) {
        if (std::isinf(bucket.upper_bound))
            continue;
        sample.bounds.push_back(bucket.upper_bound);
        sample.below.push_back(bucket.cumulative_count - before);
        before = bucket.cumulative_count;
    }
    // Each part was read at a moment of its own.
    sample.count = std::max(sample.count, before);
    sample.below.push_back(sample.count - before);
}

}  // namespace

Family plain(const prometheus::MetricFamily &family, bool since_start)
{
    Family out{family.name, family.help, Family::Kind::Gauge, since_start, {}};
    if (family.type == MetricType::Counter)
        out.kind = Family::Kind::Counter;
    else if (family.type == MetricType::Histogram)
        out.kind = Family::Kind::Histogram;
    for (auto const &metric : family.metric) {
        auto &sample = out.samples.emplace_back();
        for (auto const &label : metric.label)
            sample.labels.emplace_back(label.name, label.value);
        if (out.kind == Family::Kind::Histogram)
            set_histogram(sample, metric.histogram);
        else
            sample.value = out.kind == Family::Kind::Counter ? metric.counter.value : metric.gauge.value;
    }
    return out;
}

}  // namespace wc::metrics
