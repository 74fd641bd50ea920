#include "metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <utility>

#include "core/protocol/key.hpp"
#include "metrics/plain_family.hpp"
#include "metrics/process.hpp"

namespace wc::metrics {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr Part kParts[] = {Part::Postgres, Part::Redis, Part::Prewarm};

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

// The buckets reach from a tenth of a millisecond, as of a healthy worker, to minutes, as after a server's absence.
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

std::size_t at(Part part) { return static_cast<std::size_t>(part); }
std::size_t at(Destination to) { return static_cast<std::size_t>(to); }
std::size_t at(cache::Kind kind) { return static_cast<std::size_t>(kind); }

// What is not counted here but told, as families that are made anew for each scrape.
struct Told {
    mutable std::mutex mutex;
    std::vector<FunctionLatency> latencies;
    CacheNumbers cache;
    std::chrono::steady_clock::time_point postgres{}, redis{};
};

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const char *name, const char *help, MetricType type) { return {name, help, type, {}}; }

void add(MetricFamily &to, double value, std::vector<ClientMetric::Label> labels = {})
{
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = metric.counter.value = value;
    to.metric.push_back(std::move(metric));
}

void add_latencies(std::vector<MetricFamily> &all, const std::vector<FunctionLatency> &latencies)
{
    if (latencies.empty())
        return;
    auto durations = family("wc_function_duration_seconds",
                            "How long calls took in the database, by function, errors included", MetricType::Histogram);
    auto errors =
        family("wc_function_errors_total", "Calls that failed in the database, by function", MetricType::Counter);
    for (auto const &one : latencies) {
        std::vector<ClientMetric::Label> const labels{{"function", one.function}};
        ClientMetric metric;
        metric.label = labels;
        metric.histogram.sample_count = static_cast<std::uint64_t>(one.calls);
        metric.histogram.sample_sum = one.sum_seconds;
        for (std::size_t i = 0; i < one.below.size(); ++i)
            metric.histogram.bucket.push_back({static_cast<std::uint64_t>(one.below[i]), one.le_seconds[i]});
        durations.metric.push_back(std::move(metric));
        add(errors, static_cast<double>(one.errors), labels);
    }
    all.push_back(std::move(durations));
    all.push_back(std::move(errors));
}

void add_cache(std::vector<MetricFamily> &all, const CacheNumbers &cache)
{
    auto const gauge_of = [&](auto const &value, const char *name, const char *help) {
        if (!value)
            return;
        all.push_back(family(name, help, MetricType::Gauge));
        add(all.back(), static_cast<double>(*value));
    };
    gauge_of(cache.keys, "wc_cache_keys", "Keys in the database of Redis that holds the cache");
    gauge_of(cache.used_memory, "wc_cache_memory_bytes", "Memory that Redis uses");
    if (!cache.hits || !cache.misses)
        return;
    all.push_back(family("wc_cache_reads_total", "Reads through the library, by whether they found a value",
                         MetricType::Counter));
    add(all.back(), static_cast<double>(*cache.hits), {{"result", "hit"}});
    add(all.back(), static_cast<double>(*cache.misses), {{"result", "miss"}});
}

constexpr std::string_view kSpansLost = "wc_export_spans_lost_total";

// Whether each of several Redis counts by itself, and not the process.
bool is_of_target(const MetricFamily &family)
{
    return family.name != "wc_worker_build_info" &&
           (family.name.find("_export_") == std::string::npos || family.name == kSpansLost);
}

bool is_of_database(const MetricFamily &family) { return family.name.find("_function_") != std::string::npos; }

// Adds a family of one of several Redis to that of all of them.
void add_labelled(std::vector<MetricFamily> &all, MetricFamily family, const std::string &target)
{
    for (auto &metric : family.metric)
        metric.label.push_back({"target", target});
    auto const found = std::find_if(all.begin(), all.end(), [&](auto &one) { return one.name == family.name; });
    if (found == all.end())
        all.push_back(std::move(family));
    else
        std::move(family.metric.begin(), family.metric.end(), std::back_inserter(found->metric));
}

void add(Totals &sum, const Totals &more)
{
    for (auto const figure :
         {&Totals::rows, &Totals::students, &Totals::prewarmed, &Totals::refused, &Totals::dropped, &Totals::swept,
          &Totals::prewarm_backlog, &Totals::audited, &Totals::audited_stale, &Totals::audit_undecided})
        sum.*figure += more.*figure;
    // They share one list.
    sum.hot_students = std::max(sum.hot_students, more.hot_students);
    sum.epoch_open = sum.epoch_open && more.epoch_open;
    sum.stale_share_at_most = std::max(sum.stale_share_at_most, more.stale_share_at_most);
}

void add_process(std::vector<MetricFamily> &all)
{
    auto const numbers = look_at_process();
    auto const one = [&](double value, const char *name, const char *help, MetricType type) {
        if (!std::isfinite(value))
            return;
        all.push_back(family(name, help, type));
        add(all.back(), value);
    };
    one(numbers.cpu_seconds, "process_cpu_seconds_total", "Processor time of this process, of user and system",
        MetricType::Counter);
    one(numbers.resident_bytes, "process_resident_memory_bytes", "Memory of this process that is in RAM",
        MetricType::Gauge);
    one(numbers.virtual_bytes, "process_virtual_memory_bytes", "Address space of this process", MetricType::Gauge);
    one(numbers.open_descriptors, "process_open_fds", "Descriptors that this process has open", MetricType::Gauge);
    one(numbers.most_descriptors, "process_max_fds", "Descriptors that this process may have open", MetricType::Gauge);
    one(numbers.started, "process_start_time_seconds", "When this process started, as Unix time", MetricType::Gauge);
}

void add_ages(std::vector<MetricFamily> &all, const Told &told)
{
    auto const now = std::chrono::steady_clock::now();
    auto ages =
        family("wc_scrape_age_seconds", "How old what a server was last asked for is, by server", MetricType::Gauge);
    if (told.postgres.time_since_epoch().count() != 0)
        add(ages, seconds(now - told.postgres), {{"server", "postgres"}});
    if (told.redis.time_since_epoch().count() != 0)
        add(ages, seconds(now - told.redis), {{"server", "redis"}});
    if (!ages.metric.empty())
        all.push_back(std::move(ages));
}

}  // namespace

struct Metrics::Series {
    std::vector<std::pair<std::string, const Series *>> targets;
    Registry registry;
    Told told;
    Counter &rows =
        counter(registry, "wc_worker_drained_rows_total", "Rows taken from the queue and acknowledged by Redis");
    Counter &students = counter(registry, "wc_worker_drained_students_total", "Students named by those rows");
    std::array<Counter *, std::size(cache::kKinds)> invalidated{};
    Counter &swept =
        counter(registry, "wc_worker_swept_keys_total", "Keys removed for changes that concern every student");
    Counter &misfits = counter(registry, "wc_worker_misfit_keys_total",
                               "Keys removed because another program had written them under the worker's names");
    Counter &redis_changes = counter(registry, "wc_worker_redis_changes_total",
                                     "Restarts and failovers of Redis: times that another process was served");
    Gauge &set_aside = gauge(registry, "wc_worker_set_aside_students",
                             "Students whose invalidation Redis refuses while it accepts those of others");
    Counter &events_appended = counter(registry, "wc_worker_events_appended_total",
                                       "Events appended to the stream, those that came twice included");
    Gauge &events_held = gauge(registry, "wc_worker_events_held",
                               "1: the stream takes no events, and rows stay in the queue for it; 0: it does");
    Counter &prewarmed = counter(registry, "wc_worker_prewarmed_total", "Values rebuilt and stored");
    Counter &refused = counter(registry, "wc_worker_fills_refused_total",
                               "Rebuilt values that Redis refused to store because of a fence");
    Counter &dropped =
        counter(registry, "wc_worker_prewarm_dropped_total", "Students not rebuilt because the backlog was full");
    std::array<Counter *, std::size(kParts)> failures{}, connects{};
    std::array<Gauge *, std::size(kParts)> connected{};
    Gauge &drainer = gauge(registry, "wc_worker_is_drainer", "1: this worker drains the queue, 0: it stands by");
    Gauge &epoch_open = gauge(registry, "wc_worker_epoch_open",
                              "1: Redis stores values; 0: it stores none, as it may evict fences, or this worker "
                              "does not know");
    Gauge &depth =
        gauge(registry, "wc_worker_queue_rows", "Rows waiting in the queue at the last look (estimated beyond 100000)");
    Gauge &oldest = gauge(registry, "wc_worker_queue_oldest_seconds", "Age of the oldest row waiting in the queue");
    Gauge &pace = gauge(registry, "wc_worker_catch_up_rows_per_second",
                        "Rows that the worker drains per second while it catches up; 0: it is not behind");
    Gauge &left = gauge(registry, "wc_worker_catch_up_seconds",
                        "Seconds until the worker has caught up at this pace; 0: it is not behind");
    std::array<Gauge *, std::size(kStates)> state{};
    Gauge &backlog = gauge(registry, "wc_worker_prewarm_backlog", "Students waiting to be rebuilt");
    Gauge &fences = gauge(registry, "wc_worker_fences", "Students that have a fence in Redis, at most");
    Gauge &fence_bytes = gauge(registry, "wc_worker_fence_bytes", "Bytes of Redis's memory that fences take, at most");
    Gauge &connections = gauge(registry, "wc_worker_prewarm_connections", "Connections that rebuild values, open now");
    Gauge &busy = gauge(registry, "wc_worker_prewarm_busy", "Connections that rebuild values, at work now");
    Gauge &limit = gauge(registry, "wc_worker_prewarm_connections_limit", "Connections that rebuild values, at most");
    Gauge &hot = gauge(registry, "wc_worker_hot_students", "Students on the hot list");
    Histogram &gone = latency(registry, "wc_worker_gone_seconds",
                              "Seconds from just before a change's commit to the removal of the stale keys");
    Histogram &warm = latency(registry, "wc_worker_warm_seconds",
                              "Seconds from just before a change's commit to the rebuilt summary in Redis");

    std::array<Counter *, std::size(cache::kKinds)> audited{}, audited_stale{};
    Counter &undecided = counter(registry, "wc_audit_undecided_total",
                                 "Cached values that differed from the database and changed before it was certain why");
    Gauge &stale_share =
        gauge(registry, "wc_audit_stale_share_at_most",
              "The largest share of stale values that is likely, with 95 % confidence, by what this worker compared "
              "since its start; 1: nothing yet");

    std::array<Counter *, std::size(kDestinations)> sent{}, sent_again{}, rejected{};
    std::array<std::array<Counter *, std::size(kLosses)>, std::size(kDestinations)> lost{};
    std::array<Gauge *, std::size(kDestinations)> waiting{};
    Counter &spans_lost = counter(registry, "wc_export_spans_lost_total",
                                  "Spans that were dropped before they reached the queue of their destination");

    Series()
    {
        add_destinations();
        gauges(registry, "wc_worker_build_info", "1; which program this is")
            .Add({{"version", WC_VERSION}, {"revision", WC_REVISION}})
            .Set(1);
        auto &by_kind = counters(registry, "wc_worker_invalidated_total", "Cached values removed, by kind");
        auto &compared =
            counters(registry, "wc_audit_checked_total", "Cached values that were compared with the database, by kind");
        auto &stale =
            counters(registry, "wc_audit_stale_total", "Cached values that the audit found to be stale, by kind");
        for (auto const kind : cache::kKinds) {
            prometheus::Labels const labels{{"kind", std::string(cache::name(kind))}};
            invalidated[at(kind)] = &by_kind.Add(labels);
            audited[at(kind)] = &compared.Add(labels);
            audited_stale[at(kind)] = &stale.Add(labels);
        }
        stale_share.Set(1);
        auto &failed = counters(registry, "wc_worker_failures_total", "Failures, by the part that failed");
        auto &connect =
            counters(registry, "wc_worker_connects_total", "Connections made, the first included, by server");
        auto &standing = gauges(registry, "wc_worker_state", "1 for the state that the worker is in, 0 for the others");
        for (auto const one : kStates)
            state[static_cast<std::size_t>(one)] = &standing.Add({{"state", std::string(name(one))}});
        auto &connection = gauges(registry, "wc_worker_connected", "1: connected to the server");
        for (auto const part : kParts) {
            failures[at(part)] = &failed.Add({{"part", std::string(name(part))}});
            if (part == Part::Prewarm)
                continue;
            connects[at(part)] = &connect.Add({{"server", std::string(name(part))}});
            connected[at(part)] = &connection.Add({{"server", std::string(name(part))}});
        }
    }

    Totals totals() const;
    std::vector<MetricFamily> counted_here() const;
    std::vector<MetricFamily> counted_elsewhere() const;

    void add_destinations()
    {
        auto &done = counters(registry, "wc_export_sent_total", "Messages that a destination has taken");
        auto &again = counters(registry, "wc_export_retries_total", "Messages that were sent again");
        auto &gone = counters(registry, "wc_export_lost_total", "Messages that no destination has taken, by reason");
        auto &refused = counters(registry, "wc_export_rejected_items_total",
                                 "Spans and data points that a destination rejected of messages it has taken");
        auto &held = gauges(registry, "wc_export_waiting", "Messages waiting to be sent");
        for (auto const to : kDestinations) {
            std::string const word(name(to));
            sent[at(to)] = &done.Add({{"destination", word}});
            sent_again[at(to)] = &again.Add({{"destination", word}});
            rejected[at(to)] = &refused.Add({{"destination", word}});
            waiting[at(to)] = &held.Add({{"destination", word}});
            for (auto const why : kLosses)
                lost[at(to)][static_cast<std::size_t>(why)] =
                    &gone.Add({{"destination", word}, {"reason", std::string(name(why))}});
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
void Metrics::redis_changed() { series_->redis_changes.Increment(); }
void Metrics::misfits_removed(std::size_t keys) { series_->misfits.Increment(static_cast<double>(keys)); }
void Metrics::set_set_aside(std::size_t students) { series_->set_aside.Set(static_cast<double>(students)); }
void Metrics::events_appended(std::size_t events) { series_->events_appended.Increment(static_cast<double>(events)); }
void Metrics::set_events_held(bool yes) { series_->events_held.Set(yes ? 1 : 0); }

void Metrics::prewarmed() { series_->prewarmed.Increment(); }
void Metrics::warm_after(Duration since_commit) { series_->warm.Observe(seconds(since_commit)); }
void Metrics::fill_refused() { series_->refused.Increment(); }
void Metrics::prewarm_dropped(std::size_t students) { series_->dropped.Increment(static_cast<double>(students)); }

void Metrics::failed(Part part) { series_->failures[at(part)]->Increment(); }
void Metrics::connected(Part part) { series_->connects[at(part)]->Increment(); }

void Metrics::sent(Destination to) { series_->sent[at(to)]->Increment(); }
void Metrics::sent_again(Destination to) { series_->sent_again[at(to)]->Increment(); }
void Metrics::lost(Destination to, Loss why, std::size_t messages)
{
    series_->lost[at(to)][static_cast<std::size_t>(why)]->Increment(static_cast<double>(messages));
}
void Metrics::rejected(Destination to, std::int64_t items)
{
    series_->rejected[at(to)]->Increment(static_cast<double>(items));
}
void Metrics::set_waiting(Destination to, std::size_t messages)
{
    series_->waiting[at(to)]->Set(static_cast<double>(messages));
}
void Metrics::spans_lost(std::int64_t spans) { series_->spans_lost.Increment(static_cast<double>(spans)); }

void Metrics::audited(cache::Kind kind, bool is_stale)
{
    // The stale ones first, so that nobody sees more checked and fewer stale than there were.
    series_->audited_stale[at(kind)]->Increment(is_stale ? 1 : 0);
    series_->audited[at(kind)]->Increment();
}
void Metrics::audit_undecided() { series_->undecided.Increment(); }
void Metrics::set_stale_share_at_most(double share) { series_->stale_share.Set(share); }

void Metrics::set_connected(Part part, bool yes) { series_->connected[at(part)]->Set(yes ? 1 : 0); }
void Metrics::set_drainer(bool yes) { series_->drainer.Set(yes ? 1 : 0); }
void Metrics::set_epoch_open(bool yes) { series_->epoch_open.Set(yes ? 1 : 0); }
void Metrics::set_state(State state)
{
    for (auto const one : kStates)
        series_->state[static_cast<std::size_t>(one)]->Set(one == state ? 1 : 0);
}
void Metrics::set_catch_up(double rows_per_second, double seconds_left)
{
    series_->pace.Set(rows_per_second);
    series_->left.Set(seconds_left);
}
void Metrics::set_queue(std::size_t rows, std::chrono::microseconds oldest)
{
    series_->depth.Set(static_cast<double>(rows));
    series_->oldest.Set(seconds(oldest));
}
void Metrics::set_prewarm_backlog(std::size_t students) { series_->backlog.Set(static_cast<double>(students)); }
void Metrics::set_fences(std::size_t count, std::size_t bytes)
{
    series_->fences.Set(static_cast<double>(count));
    series_->fence_bytes.Set(static_cast<double>(bytes));
}
void Metrics::set_hot_students(std::size_t students) { series_->hot.Set(static_cast<double>(students)); }

void Metrics::add_target(std::string target, const Metrics &metrics)
{
    series_->targets.emplace_back(std::move(target), metrics.series_.get());
}

Totals Metrics::totals() const
{
    if (series_->targets.empty())
        return series_->totals();
    Totals sum;
    sum.epoch_open = true;
    sum.stale_share_at_most = 0;
    for (auto const &[target, series] : series_->targets)
        add(sum, series->totals());
    return sum;
}

Totals Metrics::Series::totals() const
{
    auto const whole = [](auto const &series) { return static_cast<std::int64_t>(series.Value()); };
    std::int64_t compared = 0, found = 0;
    for (auto const kind : cache::kKinds) {
        compared += whole(*audited[at(kind)]);
        found += whole(*audited_stale[at(kind)]);
    }
    return {whole(rows),  whole(students),  whole(prewarmed),   whole(refused),         whole(dropped),
            whole(swept), whole(backlog),   whole(hot),         whole(epoch_open) == 1, compared,
            found,        whole(undecided), stale_share.Value()};
}

void Metrics::prewarm_connected(int more) { series_->connections.Increment(more); }
void Metrics::prewarm_busy(int more) { series_->busy.Increment(more); }
void Metrics::set_prewarm_limit(std::size_t connections) { series_->limit.Set(static_cast<double>(connections)); }

void Metrics::set_latencies(std::vector<FunctionLatency> latencies)
{
    std::lock_guard const lock(series_->told.mutex);
    series_->told.latencies = std::move(latencies);
}
void Metrics::set_cache(const CacheNumbers &numbers)
{
    std::lock_guard const lock(series_->told.mutex);
    series_->told.cache = numbers;
}
void Metrics::polled(std::chrono::steady_clock::time_point postgres, std::chrono::steady_clock::time_point redis)
{
    std::lock_guard const lock(series_->told.mutex);
    series_->told.postgres = postgres;
    series_->told.redis = redis;
}

std::vector<MetricFamily> Metrics::Series::counted_here() const
{
    auto all = registry.Collect();
    if (!targets.empty()) {
        std::erase_if(all, [](auto &family) { return is_of_target(family) && family.name != kSpansLost; });
        for (auto const &[target, series] : targets)
            for (auto &family : series->registry.Collect())
                if (is_of_target(family))
                    add_labelled(all, std::move(family), target);
    }
    add_process(all);
    return all;
}

std::vector<MetricFamily> Metrics::Series::counted_elsewhere() const
{
    std::vector<MetricFamily> all;
    {
        std::lock_guard const lock(told.mutex);
        add_latencies(all, told.latencies);
        add_cache(all, told.cache);
        add_ages(all, told);
    }
    // The first one asks the database too, for all.
    for (auto const &[target, series] : targets)
        for (auto &family : series->counted_elsewhere()) {
            if (is_of_database(family))
                all.push_back(std::move(family));
            else
                add_labelled(all, std::move(family), target);
        }
    return all;
}

std::string Metrics::text() const
{
    auto all = series_->counted_here();
    for (auto &family : series_->counted_elsewhere())
        all.push_back(std::move(family));
    return prometheus::TextSerializer().Serialize(all);
}

std::vector<Family> Metrics::families() const
{
    std::vector<Family> all;
    for (auto const &family : series_->counted_here())
        all.push_back(plain(family, true));
    for (auto const &family : series_->counted_elsewhere())
        all.push_back(plain(family, false));
    return all;
}

}  // namespace wc::metrics
