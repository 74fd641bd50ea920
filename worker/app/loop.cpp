#include "app/loop.hpp"

#include <algorithm>
#include <utility>

#include "process/log.hpp"

namespace wc::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long a sweep may keep a change waiting.
constexpr milliseconds kSweepSlice{5};

// While many sessions write, one larger drain costs less than two small ones.  So the loop rests after a drain: so long
// for each row of it.  After a single row it does not rest, and with 1,000 writes a second it rests for about a
// millisecond.  The longest rest is for writers that fill the machine: doubling it from 4 to 8 ms, and again to 16 ms,
// each time gave 32 writers, on the same two cores as the worker, 0.02 more of their throughput.
constexpr std::chrono::microseconds kRestPerRow{100};
constexpr milliseconds kLongestRest{16};

// If the machine is busy or slow, even a drain of a few rows takes long.  A rest by rows alone would then be too short,
// and drains would follow each other.  So after a drain of several rows the loop rests at least four times as long as
// the drain took, which leaves drains a fifth of the time; but never longer than kLongestRest.
constexpr std::size_t kSeveralRows = 8;
constexpr int kRestPerDrain = 4;

std::chrono::microseconds rest_after(std::size_t rows, std::chrono::nanoseconds took)
{
    if (rows < 2)
        return {};
    std::chrono::nanoseconds rest = static_cast<int>(rows) * kRestPerRow;
    if (rows >= kSeveralRows)
        rest = std::max(rest, kRestPerDrain * took);
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::min<std::chrono::nanoseconds>(rest, kLongestRest));
}

Retry retry_of(Part part, const config::Live &live)
{
    auto const backoff = live.get()->backoff;
    return {part, milliseconds(backoff.first_ms), milliseconds(backoff.longest_ms)};
}

}  // namespace

Loop::Loop(LoopPorts ports)
    : ports_(std::move(ports)),
      queue_retry_(retry_of(Part::Postgres, ports_.live)),
      cache_retry_(retry_of(Part::Redis, ports_.live)),
      announcer_(ports_.health, ports_.metrics)
{}

void Loop::run()
{
    while (!ports_.waiter.stopping())
        turn();
    if (works() && ports_.hot.take_changed())
        ports_.save_hot_list();
}

void Loop::turn()
{
    static constexpr void (Loop::*kSteps[])() = {
        &Loop::connect_queue,   &Loop::connect_cache,   &Loop::ensure_keys,
        &Loop::elect,           &Loop::find_obstacles,  &Loop::update_standing,
        &Loop::report,          &Loop::ensure_clock,    &Loop::ensure_epoch,
        &Loop::ensure_horizon,  &Loop::resume_events,   &Loop::drain,
        &Loop::sweep,           &Loop::do_housekeeping, &Loop::confirm_connections,
        &Loop::update_standing, &Loop::report,          &Loop::wait,
    };
    ports_.health.busy_since = ports_.clock.now();
    try {
        for (auto const step : kSteps) {
            ports_.health.expected_by = ports_.clock.now();
            (this->*step)();
        }
    } catch (const Failure &failure) {
        drop_connection(failure);
    }
}

void Loop::connect_queue()
{
    if (queue_ || ports_.clock.now() < queue_retry_.due())
        return;
    queue_ = ports_.connect_queue();
    ports_.metrics.connected(Part::Postgres);
    timers_.postgres_connected();
    timers_.heartbeat = ports_.clock.now() + seconds(ports_.live.get()->queue.heartbeat_s);
}

void Loop::connect_cache()
{
    if (cache_ || ports_.clock.now() < cache_retry_.due())
        return;
    try {
        cache_ = ports_.connect_cache();
    } catch (const Failure &) {
        let_others_drain("redis cannot be reached: this worker lets others drain the queue until it answers");
        throw;
    }
    ports_.metrics.connected(Part::Redis);
    timers_.redis_connected();
    horizon_.forget();
    if (ports_.sweep.is_active())
        ports_.sweep.restart(*cache_);
    if (registered_)
        ports_.refill();
}

void Loop::elect()
{
    auto const now = ports_.clock.now();
    if (!queue_ || !cache_ || registered_ || now < timers_.election)
        return;
    timers_.election = now + milliseconds(ports_.live.get()->queue.takeover_interval_ms);
    if (!elected_ && !queue_->try_elect())
        return;
    if (!std::exchange(elected_, true))
        sight_.elected_at = now;
    auto const newly = queue_->register_worker();
    if (!newly)
        return;
    registered_ = true;
    timers_.registered();
    // Meanwhile another worker may have served another process of Redis.
    served_.clear();
    vouched_until_.reset();
    horizon_.forget();
    ports_.drain.begin();
    if (auto *const shards = cache_->shards())
        shards->begin();
    log::info("drains the queue{}", *newly ? "; newly registered, so that it removes all values cached before" : "");
    timers_.save = now + seconds(ports_.live.get()->prewarm.save_interval_s);
    // Who removes everything rebuilds what is hot once it is removed.
    if (!*newly && ports_.live.get()->prewarm.enabled)
        ports_.refill();
}

// Redis compares a value's age, which PostgreSQL's clock measures, with a fence's life, which its own clock measures.
void Loop::ensure_clock()
{
    auto const now = ports_.clock.now();
    if (!works() || now < timers_.clock)
        return;
    auto const database = queue_->clock();
    bool const is_set = database && cache_->set_clock(*database);
    timers_.clock = is_set ? now + poll_interval() : Time{};
}

// An emptied Redis has lost its fences, one that was restarted may have found old values on its disk, and
// another start of PostgreSQL may lack transactions that values were built from.
void Loop::ensure_epoch()
{
    auto const now = ports_.clock.now();
    if (works() && cache_->shards())
        return tend_shards(*cache_->shards());
    if (!works() || now < timers_.epoch)
        return;
    timers_.epoch = now + poll_interval();
    auto const identity = queue_->identity();
    auto found = cache_->epoch(identity);
    bool const is_other = serve();
    if (found == Epoch::Evicting || found == Epoch::Closed) {
        close_epoch(found);
        return;
    }
    if (std::exchange(evicts_, false)) {
        log::info("redis no longer evicts keys: the library stores values again");
    }
    // An epoch that is open here was open before another process was served, and lacks the fences that were raised
    // there.
    if (is_other && found != Epoch::Missing)
        found = Epoch::Foreign;
    ports_.metrics.set_epoch_open(found == Epoch::Open);
    if (found == Epoch::Open)
        return;
    if (found != Epoch::OtherLife && found != Epoch::MoreKeys) {
        // A Redis without an epoch may be empty; or it has lost the epoch, and fences with it, and kept values.
        log::info("{}: all values cached before are removed",
                  found == Epoch::Missing ? "redis has no epoch"
                  : is_other ? "this process of redis, " + cache_->address() + ", was not the one served last"
                             : "redis or PostgreSQL has been restarted, or keys are others");
        if (is_other)
            woken_ = true;  // the row is queued already
        else
            distrust_cache();
    }
    if (!cache_->open_epoch(identity, [this] { return queue_->snapshot(); })) {
        timers_.epoch = {};
        return;
    }
    ports_.metrics.set_epoch_open(true);
    timers_.liveness = {};
    horizon_.forget();
    if (found == Epoch::MoreKeys)
        log::info("changes remove keys of one more secret from now on");
    if (found == Epoch::OtherLife)
        log::info("fences live for {} s from now on", ports_.live.get()->invalidate.fence_ttl_s);
}

// Each shard has an epoch of its own, and is trusted, or not, by itself.
void Loop::tend_shards(Shards &shards)
{
    auto const now = ports_.clock.now();
    if (now < std::min(timers_.epoch, shards.due()))
        return;
    timers_.epoch = now + poll_interval();
    auto const sight = shards.tend(*queue_, ports_.drain.set_aside().size());
    ports_.metrics.set_epoch_open(sight.is_open);
    evicts_ = sight.evicts;
    tell_of_lost_events(shards, sight.untold);
}

void Loop::ensure_horizon()
{
    auto const now = ports_.clock.now();
    if (!works() || now < horizon_.due())
        return;
    milliseconds const life = seconds(ports_.live.get()->invalidate.fence_ttl_s);
    auto const &published = horizon_.add(now, queue_->snapshot(), life);
    cache_->advance(published.snapshot, Horizon::end_of(published, life), life);
}

void Loop::drain()
{
    auto const now = ports_.clock.now();
    if (works() && now < held_until_)
        return vouch();
    if (!works() || now < timers_.drain || (!woken_ && now < timers_.poll))
        return;
    timers_.poll = now + poll_interval();
    // Clear the flag before the pass, so that a change that arrives during the pass makes another one.
    woken_ = false;
    auto const result = ports_.drain.pass(*queue_, *cache_, ports_.sweep.is_active());
    if (result.lapsed) {
        log::warning(
            "no longer registered: the queue outgrew white_cross.queue_limit, or somebody unregistered this worker");
        registered_ = drained_ = false;
        timers_.election = {};
        sight_.elected_at = now;
        ports_.sweep.forget();
        return;
    }
    if (result.rows > 0)
        last_rows_ = now;
    if (result.complete) {
        sight_.has_drained = true;
        sight_.behind_since = {};
        progress_.forget();
    } else {
        if (sight_.behind_since == Time{})
            sight_.behind_since = now;
        progress_.drained(ports_.clock.now(), result.rows);
    }
    woken_ = !result.complete;
    auto const ended = ports_.clock.now();
    timers_.drain = result.complete ? ended + rest_after(result.rows, ended - now) : Time{};
    ports_.set_prewarm_pace(result.complete ? Pace::Full : Pace::Slow);
    drained_ = result.complete;
    vouch();
    ports_.sweep.add(result.everything, *cache_);
    // Readers with the token of a write wait until Redis has noted this drain.  If no call has noted it yet, renew the
    // liveness at once, which does.
    if (result.rows > 0 && !result.has_noted_seen)
        timers_.liveness = {};
    if (result.complete && !ports_.sweep.is_active())
        renew_liveness(now, result.seen);
}

// REQUIRES: the drain that began at `since` found the queue's end with the snapshot `seen`, so that nothing
// acknowledged before it is stale.
void Loop::renew_liveness(Time since, const std::string &seen)
{
    if (since < timers_.liveness)
        return;
    auto const ttl = milliseconds(ports_.live.get()->invalidate.alive_ttl_ms);
    timers_.liveness = since + ttl / 10;
    // The TTL counts from the beginning of the drain: if the worker was held up since, less is left of it, or nothing.
    auto const end = (ports_.is_target ? std::min(since, vouched_at_) : since) + ttl;
    if (end <= ports_.clock.now())
        return;
    vouched_until_ = end;
    cache_->renew_liveness(end, seen, ports_.drain.set_aside());
    ports_.health.answers_until = end;
}

void Loop::sweep()
{
    if (!works() || !ports_.sweep.is_active() || ports_.clock.now() < held_until_)
        return;
    bool const ended = ports_.sweep.advance(*queue_, *cache_, ports_.clock.now() + kSweepSlice);
    show_sweep();
    if (ended)
        timers_.poll = timers_.liveness = {};
    if (ended && !ports_.sweep.is_active() && ports_.live.get()->prewarm.enabled)
        ports_.refill();
}

void Loop::do_housekeeping()
{
    auto const now = ports_.clock.now();
    auto const config = ports_.live.get();
    ports_.health.role = registered_ ? Role::Draining : Role::Standby;
    ports_.metrics.set_drainer(registered_);
    if (!works())
        ports_.metrics.set_epoch_open(false);
    ports_.hot.configure(static_cast<std::size_t>(config->prewarm.hot_limit), seconds(config->prewarm.half_life_s));
    if (works() && drained_ && !ports_.sweep.is_active() && !ports_.events.holds()) {
        show_queue({});
    } else if (queue_ && now >= timers_.backlog) {
        timers_.backlog = now + kLookInterval;
        show_queue(queue_->backlog());
    }
    ports_.health.set_aside = registered_ ? static_cast<std::int64_t>(ports_.drain.set_aside().size()) : 0;
    ports_.metrics.set_events_held(registered_ && ports_.events.holds());
    if (works()) {
        auto const fences = cache_->fences();
        ports_.metrics.set_fences(fences.count, fences.bytes);
    }
    if (works() && now >= timers_.save) {
        timers_.save = now + seconds(config->prewarm.save_interval_s);
        ports_.metrics.set_hot_students(ports_.hot.size());
        if (ports_.hot.take_changed())
            ports_.save_hot_list();
    }
    if (now >= timers_.heartbeat) {
        timers_.heartbeat = now + seconds(config->queue.heartbeat_s);
        if (queue_) {
            queue_->heartbeat();
            woken_ = queue_->consume_wakes() || woken_;
        }
        if (cache_)
            cache_->ping();
    }
}

// A connection counts as good once a whole turn has used it.  If one fails at its first use, the pauses between tries
// grow, just as if connecting had failed.
void Loop::confirm_connections()
{
    if (queue_) {
        queue_retry_.succeeded();
        sight_.postgres.reset();
        ports_.metrics.set_connected(Part::Postgres, true);
        ports_.health.postgres = true;
    }
    if (cache_) {
        cache_retry_.succeeded();
        sight_.redis.reset();
        ports_.metrics.set_connected(Part::Redis, true);
        ports_.health.redis = true;
    }
}

void Loop::wait()
{
    auto const now = ports_.clock.now();
    auto until = timers_.heartbeat;
    if (works()) {
        until = std::min({until, timers_.poll, timers_.save, horizon_.due()});
    } else if (queue_) {
        until = std::min(until, timers_.backlog);
        if (cache_)
            until = std::min(until, timers_.election);
    }
    if (!queue_)
        until = std::min(until, std::max(now, queue_retry_.due()));
    if (!cache_)
        until = std::min(until, std::max(now, cache_retry_.due()));
    if (works() && woken_)
        until = std::max(now, timers_.drain);
    if (works() && ports_.sweep.is_active())
        until = now;
    if (works() && cache_->shards())
        until = std::min(until, std::max(now, cache_->shards()->due()));
    if (works() && now < held_until_)
        until = std::min(held_until_, now + poll_interval());

    int descriptors[2];
    std::size_t count = 0;
    if (queue_)
        descriptors[count++] = queue_->wake_fd();
    if (cache_)
        descriptors[count++] = cache_->fd();
    ports_.health.busy_since = Time{};
    ports_.health.expected_by = std::max(now, until);
    ports_.waiter.wait(std::span(descriptors, count), until);
    ports_.health.busy_since = ports_.clock.now();
    if (queue_)
        woken_ = queue_->consume_wakes() || woken_;
    if (cache_)
        cache_->check();
}

void Loop::drop_connection(const Failure &failure)
{
    ports_.set_prewarm_pace(Pace::Paused);
    auto const part = failure.part();
    ports_.metrics.failed(part);
    ports_.metrics.set_connected(part, false);
    drained_ = false;
    timers_.obstacles = {};
    (part == Part::Redis ? sight_.redis : sight_.postgres) = failure;
    if (part == Part::Redis) {
        cache_.reset();
        ports_.health.redis = false;
        cache_retry_.failed(ports_.clock.now(), failure.what());
    } else {
        first_unmoved_ = {};
        if (registered_)
            log::warning("stopped draining: the connection to PostgreSQL is lost");
        queue_.reset();
        elected_ = registered_ = false;
        ports_.health.postgres = false;
        ports_.sweep.forget();
        queue_retry_.failed(ports_.clock.now(), failure.what());
    }
    update_standing();
}

// Liveness needs a drain within each TTL, however rarely the configuration lets the worker poll.
milliseconds Loop::poll_interval() const
{
    auto const config = ports_.live.get();
    return milliseconds(std::min(config->queue.poll_interval_ms, config->invalidate.alive_ttl_ms / 3));
}

}  // namespace wc::app
