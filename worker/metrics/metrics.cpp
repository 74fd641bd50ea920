#include "metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>

#include "core/cache/key.hpp"

namespace wc::metrics {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr app::Part kParts[] = {app::Part::Postgres, app::Part::Redis, app::Part::Prewarm};
constexpr cache::Kind kKinds[] = {cache::Kind::HealthSummary, cache::Kind::Records, cache::Kind::GrowthChart};

prometheus::Family<Counter> &counters(Registry &registry, const char *name, const char *help)
{
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Counter &counter(Registry &registry, const char *name, const char *help)
{
    return counters(registry, name, help).Add({});
}
prometheus::Family<Gauge> &gauges(Registry &registry, const char *name, const char *help)
{
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Gauge &gauge(Registry &registry, const char *name, const char *help) { return gauges(registry, name, help).Add({}); }

// From a tenth of a millisecond, where a healthy worker lives, to a server that was away.
Histogram &latency(Registry &registry, const char *name, const char *help)
{
    static const Histogram::BucketBoundaries buckets{0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002,
                                                     0.003,  0.005,  0.0075, 0.01,   0.02,    0.05,  0.1,    0.25,
                                                     0.5,    1,      2.5,    5,      10,      30,    60,     300};
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
}

double seconds(std::chrono::steady_clock::duration duration)
{
    return std::max(0.0, std::chrono::duration<double>(duration).count());
}

std::size_t at(app::Part part) { return static_cast<std::size_t>(part); }
std::size_t at(cache::Kind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

struct Metrics::Series {
    Registry registry;
    Counter &rows =
        counter(registry, "wc_worker_drained_rows_total", "Rows taken from the queue and acknowledged by Redis");
    Counter &students = counter(registry, "wc_worker_drained_students_total", "Students named by those rows");
    std::array<Counter *, std::size(kKinds)> invalidated{};
    Counter &swept = counter(registry, "wc_worker_swept_keys_total", "Keys removed because every student changed");
    Counter &prewarmed = counter(registry, "wc_worker_prewarmed_total", "Values rebuilt and stored");
    Counter &refused = counter(registry, "wc_worker_fills_refused_total", "Rebuilt values that a fence refused");
    Counter &dropped =
        counter(registry, "wc_worker_prewarm_dropped_total", "Students not rebuilt: the backlog was full");
    std::array<Counter *, std::size(kParts)> failures{}, connects{};
    std::array<Gauge *, std::size(kParts)> connected{};
    Gauge &drainer = gauge(registry, "wc_worker_is_drainer", "1: this worker drains the queue, 0: it stands by");
    Gauge &epoch_open = gauge(registry, "wc_worker_epoch_open",
                              "1: values can be stored; 0: not, as redis may evict fences, or unknown to this worker");
    Gauge &depth =
        gauge(registry, "wc_worker_queue_rows", "Rows waiting in the queue when last looked at (counted up to 100000)");
    Gauge &oldest = gauge(registry, "wc_worker_queue_oldest_seconds", "Age of the oldest row waiting in the queue");
    Gauge &backlog = gauge(registry, "wc_worker_prewarm_backlog", "Students waiting to be rebuilt");
    Gauge &fences = gauge(registry, "wc_worker_fences", "Students fenced within the life of a fence, at most");
    Gauge &fence_bytes = gauge(registry, "wc_worker_fence_bytes", "Memory of Redis that their fences take, at most");
    Gauge &hot = gauge(registry, "wc_worker_hot_students", "Students on the hot list");
    Histogram &gone =
        latency(registry, "wc_worker_gone_seconds", "From just before the commit to the removal of the keys");
    Histogram &warm = latency(registry, "wc_worker_warm_seconds", "From just before the commit to the rebuilt summary");

    Series()
    {
        auto &by_kind = counters(registry, "wc_worker_invalidated_total", "Cached values removed, by kind");
        for (auto const kind : kKinds)
            invalidated[at(kind)] = &by_kind.Add({{"kind", std::string(cache::name(kind))}});
        auto &failed = counters(registry, "wc_worker_failures_total", "Failures, by the part that failed");
        auto &connect =
            counters(registry, "wc_worker_connects_total", "Connections made, the first included, by server");
        auto &state = gauges(registry, "wc_worker_connected", "1: connected to the server");
        for (auto const part : kParts) {
            failures[at(part)] = &failed.Add({{"part", std::string(app::name(part))}});
            if (part == app::Part::Prewarm)
                continue;
            connects[at(part)] = &connect.Add({{"server", std::string(app::name(part))}});
            connected[at(part)] = &state.Add({{"server", std::string(app::name(part))}});
        }
    }
};

Metrics::Metrics() : series_(std::make_unique<Series>()) {}
Metrics::~Metrics() = default;

void Metrics::drained(std::size_t rows, std::size_t students)
{
    series_->rows.Increment(static_cast<double>(rows));
    series_->students.Increment(static_cast<double>(students));
}
void Metrics::invalidated(cache::Kind kind) { series_->invalidated[at(kind)]->Increment(); }
void Metrics::gone_after(Duration since_commit) { series_->gone.Observe(seconds(since_commit)); }
void Metrics::swept(std::size_t keys) { series_->swept.Increment(static_cast<double>(keys)); }

void Metrics::prewarmed() { series_->prewarmed.Increment(); }
void Metrics::warm_after(Duration since_commit) { series_->warm.Observe(seconds(since_commit)); }
void Metrics::fill_refused() { series_->refused.Increment(); }
void Metrics::prewarm_dropped(std::size_t students) { series_->dropped.Increment(static_cast<double>(students)); }

void Metrics::failed(app::Part part) { series_->failures[at(part)]->Increment(); }
void Metrics::connected(app::Part part) { series_->connects[at(part)]->Increment(); }

void Metrics::set_connected(app::Part part, bool yes) { series_->connected[at(part)]->Set(yes ? 1 : 0); }
void Metrics::set_drainer(bool yes) { series_->drainer.Set(yes ? 1 : 0); }
void Metrics::set_epoch_open(bool yes) { series_->epoch_open.Set(yes ? 1 : 0); }
void Metrics::set_queue(std::size_t rows, std::chrono::microseconds oldest)
{
    series_->depth.Set(static_cast<double>(rows));
    series_->oldest.Set(seconds(oldest));
}
void Metrics::set_prewarm_backlog(std::size_t students) { series_->backlog.Set(static_cast<double>(students)); }
void Metrics::set_fences(app::Fences fences)
{
    series_->fences.Set(static_cast<double>(fences.count));
    series_->fence_bytes.Set(static_cast<double>(fences.bytes));
}
void Metrics::set_hot_students(std::size_t students) { series_->hot.Set(static_cast<double>(students)); }

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(series_->registry.Collect()); }

}  // namespace wc::metrics
