#include "app/observing.hpp"

#include <utility>

#include "process/failure.hpp"
#include "process/log.hpp"

namespace wc::app {
namespace {

constexpr std::chrono::seconds kInterval{2};
constexpr std::chrono::seconds kFindingsInterval{15};
// The most spans that one request sends: about 400 kB.
constexpr std::size_t kSpansAtOnce = 1000;

}  // namespace

void Observer::look()
{
    Seen seen = *ports_.board.get();
    look_at_database(seen);
    look_at_cache(seen);
    send_own_spans();
    // Only the worker that drains shows these: several workers would count the same calls several times.
    bool const is_drainer = ports_.health.role == Role::Draining;
    auto const now = ports_.clock.now();
    bool const is_known = is_drainer && Board::is_fresh(seen.database_at, now);
    ports_.metrics.set_latencies(is_known ? seen.database.latencies : std::vector<metrics::FunctionLatency>());
    metrics::CacheNumbers numbers;
    if (is_drainer && Board::is_fresh(seen.cache_at, now))
        numbers = {seen.cache.keys, seen.cache.used_memory, seen.cache.hits, seen.cache.misses};
    ports_.metrics.set_cache(numbers);
    ports_.metrics.polled(seen.database_at, seen.cache_at);
    ports_.board.set(std::move(seen));
}

void Observer::look_at_database(Seen &seen)
{
    // While the loop finds out whether a pooler shares its session, nobody else may take that session: LISTEN and
    // UNLISTEN would meet different ones.
    if (!ports_.connect_database || !ports_.health.postgres)
        return;
    auto const now = ports_.clock.now();
    try {
        if (!database_)
            database_ = ports_.connect_database();
        bool const with_findings = now >= findings_due_;
        auto view = database_->look(with_findings);
        if (with_findings)
            findings_due_ = now + kFindingsInterval;
        else
            view.findings = std::move(seen.database.findings);
        take_spans();
        compare_slow(view.slow_ms);
        seen.database = std::move(view);
        seen.database_at = ports_.clock.now();
    } catch (const Failure &failure) {
        // The loop reports what is wrong with the server, so this line is for debugging alone.
        log::debug("nothing to see of PostgreSQL: {}", failure.what());
        database_.reset();
        findings_due_ = {};
    }
}

void Observer::take_spans()
{
    if (!ports_.send_spans)
        return;
    for (;;) {
        auto const taken = database_->take_spans(kSpansAtOnce);
        ports_.metrics.spans_lost(taken.lost);
        ports_.send_spans(taken.spans);
        if (taken.spans.size() < kSpansAtOnce)
            return;
    }
}

void Observer::send_own_spans()
{
    if (!ports_.send_spans || ports_.own_spans == nullptr)
        return;
    auto const made = ports_.own_spans->take();
    ports_.metrics.spans_lost(made.lost);
    ports_.send_spans(made.spans);
}

void Observer::compare_slow(std::optional<std::int64_t> counted_from)
{
    if (!counted_from || *counted_from == ports_.slow_ms || counted_from == counted_from_)
        return;
    counted_from_ = counted_from;
    log::warning(
        "performance.slow_ms is {} and white_cross.slow_query_threshold is {}: calls are counted as slow by the "
        "latter; ALTER DATABASE ... SET white_cross.slow_query_threshold = {} makes them equal",
        ports_.slow_ms, *counted_from, ports_.slow_ms);
}

void Observer::look_at_cache(Seen &seen)
{
    try {
        if (!cache_)
            cache_ = ports_.connect_cache();
        seen.cache = cache_->look();
        seen.cache_at = ports_.clock.now();
        seen.cache_connected = true;
        seen.hit_rate = seen.cache.hits && seen.cache.misses
                            ? hit_rate_.add(seen.cache_at, *seen.cache.hits, *seen.cache.misses)
                            : std::nullopt;
    } catch (const Failure &failure) {
        log::debug("nothing to see of redis: {}", failure.what());
        cache_.reset();
        seen.cache_connected = false;
    }
}

Observing::Observing(ObserverPorts ports)
    : observer_(std::move(ports)), thread_(log::thread([this] {
          std::unique_lock lock(mutex_);
          while (!stopping_) {
              lock.unlock();
              observer_.look();
              lock.lock();
              stop_.wait_for(lock, kInterval, [this] { return stopping_; });
          }
      }))
{}

Observing::~Observing()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
    // Send the spans of the last drain.
    observer_.send_own_spans();
}

}  // namespace wc::app
