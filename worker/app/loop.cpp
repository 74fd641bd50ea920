#include "app/loop.hpp"

#include <algorithm>
#include <utility>

#include "app/log.hpp"

namespace wc::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long a sweep may keep a change waiting.
constexpr milliseconds kSweepSlice{5};

// While many write, a drain that waits for a few more of them costs everybody less than two drains: it rests for as
// long as the rows of the last one would have been worth.  One writer alone is not kept waiting, and what is written
// 1,000 times a second for about a millisecond.  The longest rest is for writers that fill the machine: to double it
// from 4 to 8 and again to 16 ms gave 32 of them on the worker's own two cores 0.02 more of their throughput each time.
constexpr std::chrono::microseconds kRestPerRow{100};
constexpr milliseconds kLongestRest{16};

std::chrono::microseconds rest_after(std::size_t rows)
{
    return rows < 2 ? std::chrono::microseconds{}
                    : std::min<std::chrono::microseconds>(static_cast<int>(rows) * kRestPerRow, kLongestRest);
}

// How often the queue is measured when it is not known to be empty.
constexpr seconds kLookInterval{2};

}  // namespace

Loop::Loop(const config::Live &live, const Clock &clock, Waiter &waiter, LoopPorts ports, Drain &drain, Sweep &sweep,
           HotList &hot, metrics::Metrics &metrics, Health &health)
    : live_(live),
      clock_(clock),
      waiter_(waiter),
      ports_(std::move(ports)),
      drain_(drain),
      sweep_(sweep),
      hot_(hot),
      metrics_(metrics),
      health_(health),
      queue_retry_(Part::Postgres, milliseconds(live.get()->backoff.first_ms),
                   milliseconds(live.get()->backoff.longest_ms)),
      cache_retry_(Part::Redis, milliseconds(live.get()->backoff.first_ms),
                   milliseconds(live.get()->backoff.longest_ms))
{}

void Loop::run()
{
    while (!waiter_.stopping())
        turn();
    if (works() && hot_.take_changed())
        ports_.save_hot_list();
}

void Loop::turn()
{
    health_.busy_since = clock_.now();
    try {
        connect_queue();
        connect_cache();
        lead();
        see_to_clock();
        see_to_epoch();
        see_to_horizon();
        drain();
        sweep();
        tend();
        report();
        keep();
        wait();
    } catch (const Failure &failure) {
        lose(failure);
    }
}

void Loop::connect_queue()
{
    if (queue_ || clock_.now() < queue_retry_.due())
        return;
    queue_ = ports_.connect_queue();
    metrics_.connected(Part::Postgres);
    next_election_ = next_look_ = next_report_ = {};
    next_heartbeat_ = clock_.now() + seconds(live_.get()->queue.heartbeat_s);
}

void Loop::connect_cache()
{
    if (cache_ || clock_.now() < cache_retry_.due())
        return;
    try {
        cache_ = ports_.connect_cache();
    } catch (const Failure &) {
        // Perhaps another worker can reach it.
        if (elected_) {
            elected_ = enrolled_ = false;
            log::info("gives up draining until Redis answers");
            sweep_.forget();
            queue_->release();
        }
        throw;
    }
    metrics_.connected(Part::Redis);
    next_poll_ = next_epoch_ = next_clock_ = next_vouch_ = {};
    horizon_.forget();
    if (sweep_.is_active())
        sweep_.restart(*cache_);
    if (enrolled_)
        ports_.refill();
}

void Loop::lead()
{
    auto const now = clock_.now();
    if (!queue_ || !cache_ || enrolled_ || now < next_election_)
        return;
    next_election_ = now + milliseconds(live_.get()->queue.takeover_interval_ms);
    if (!elected_ && !queue_->try_lead())
        return;
    elected_ = true;
    auto const newly = queue_->enroll();
    if (!newly)
        return;
    enrolled_ = true;
    next_epoch_ = next_clock_ = next_vouch_ = {};
    horizon_.forget();
    log::info("drains the queue{}", *newly ? "; newly registered: what is cached from before is not trusted" : "");
    next_poll_ = {};
    next_save_ = now + seconds(live_.get()->prewarm.save_interval_s);
    if (live_.get()->prewarm.enabled)
        ports_.refill();
}

// A value's age is by PostgreSQL's clock, a fence's life by Redis's.
void Loop::see_to_clock()
{
    auto const now = clock_.now();
    if (!works() || now < next_clock_)
        return;
    auto const database = queue_->clock();
    bool const is_set = database && cache_->set_clock(*database);
    next_clock_ = is_set ? now + poll_interval() : Time{};
}

// An emptied Redis has lost its fences, one that was restarted may have found old values on its disk, and
// another start of PostgreSQL may lack transactions that values were built from.
void Loop::see_to_epoch()
{
    auto const now = clock_.now();
    if (!works() || now < next_epoch_)
        return;
    next_epoch_ = now + poll_interval();
    auto const identity = queue_->identity();
    auto const found = cache_->epoch(identity);
    if (found == Epoch::Evicting || found == Epoch::Closed) {
        close_epoch(found);
        return;
    }
    if (std::exchange(evicts_, false)) {
        log::info("redis evicts no more: values can be stored again");
        next_report_ = {};
    }
    metrics_.set_epoch_open(found == Epoch::Open);
    if (found == Epoch::Open)
        return;
    if (found != Epoch::OtherLife) {
        // A Redis without an epoch may be empty; or it has lost the epoch, and fences with it, and kept values.
        log::info("{}: what is cached from before is not trusted",
                  found == Epoch::Missing ? "redis has no epoch" : "redis or PostgreSQL has been restarted");
        distrust();
    }
    if (!cache_->open_epoch(identity, [this] { return queue_->snapshot(); })) {
        next_epoch_ = {};
        return;
    }
    metrics_.set_epoch_open(true);
    next_vouch_ = {};
    horizon_.forget();
    if (found == Epoch::OtherLife)
        log::info("fences live for {} s from now on", live_.get()->invalidate.fence_ttl_s);
}

// Before an epoch is opened or closed: whoever finds that done need not ask what was before.
void Loop::distrust()
{
    queue_->distrust();
    woken_ = true;
}

// An evicted fence keeps nothing out.  Changes are still removed; only what readers would store, or ask for by the
// library, waits until Redis remembers what it is told.
void Loop::close_epoch(Epoch found)
{
    metrics_.set_epoch_open(false);
    if (found == Epoch::Evicting) {
        distrust();
        cache_->close_epoch();
    }
    if (!std::exchange(evicts_, true)) {
        log::warning(
            "redis evicts keys when its memory is full, and with them what keeps stale values out: until it has "
            "maxmemory-policy noeviction, or no maxmemory, the library stores nothing and finds nothing");
        next_report_ = {};
    }
}

void Loop::see_to_horizon()
{
    auto const now = clock_.now();
    if (!works() || now < horizon_.due())
        return;
    milliseconds const life = seconds(live_.get()->invalidate.fence_ttl_s);
    auto const &published = horizon_.add(now, queue_->snapshot(), life);
    cache_->advance(published.snapshot, Horizon::end_of(published, life), life);
}

void Loop::drain()
{
    auto const now = clock_.now();
    if (!works() || now < next_drain_ || (!woken_ && now < next_poll_))
        return;
    next_poll_ = now + poll_interval();
    // Taken back first: what arrives during the pass makes another.
    woken_ = false;
    auto const result = drain_.pass(*queue_, *cache_);
    if (result.lapsed) {
        log::warning("no longer registered: the queue had grown too long, or somebody unregistered this worker");
        enrolled_ = drained_ = false;
        next_election_ = {};
        sweep_.forget();
        return;
    }
    woken_ = !result.complete;
    next_drain_ = result.complete ? clock_.now() + rest_after(result.rows) : Time{};
    ports_.set_prewarm_pace(result.complete ? Pace::Full : Pace::Slow);
    drained_ = result.complete;
    sweep_.add(result.everything, *cache_);
    if (result.complete && !sweep_.is_active())
        vouch(now);
}

// Only with a drain that found the queue's end behind it, since when nothing acknowledged can be stale.
void Loop::vouch(Time since)
{
    if (since < next_vouch_)
        return;
    auto const ttl = milliseconds(live_.get()->invalidate.alive_ttl_ms);
    next_vouch_ = since + ttl / 10;
    // Good from when the drain began: a worker that was held up meanwhile vouches for less, or not at all.
    if (since + ttl > clock_.now())
        cache_->vouch(since + ttl);
}

void Loop::sweep()
{
    if (!works() || !sweep_.is_active())
        return;
    bool const ended = sweep_.advance(*queue_, *cache_, clock_.now() + kSweepSlice);
    if (ended)
        next_poll_ = next_vouch_ = {};
    if (ended && !sweep_.is_active() && live_.get()->prewarm.enabled)
        ports_.refill();
}

void Loop::tend()
{
    auto const now = clock_.now();
    auto const config = live_.get();
    health_.role = enrolled_ ? Role::Draining : Role::Standby;
    metrics_.set_drainer(enrolled_);
    if (!works())
        metrics_.set_epoch_open(false);
    hot_.configure(static_cast<std::size_t>(config->prewarm.hot_limit), seconds(config->prewarm.half_life_s));
    if (works() && drained_ && !sweep_.is_active()) {
        show_queue({});
    } else if (queue_ && now >= next_look_) {
        next_look_ = now + kLookInterval;
        show_queue(queue_->backlog());
    }
    if (works())
        metrics_.set_fences(cache_->fences());
    if (works() && now >= next_save_) {
        next_save_ = now + seconds(config->prewarm.save_interval_s);
        metrics_.set_hot_students(hot_.size());
        if (hot_.take_changed())
            ports_.save_hot_list();
    }
    if (now >= next_heartbeat_) {
        next_heartbeat_ = now + seconds(config->queue.heartbeat_s);
        if (queue_) {
            queue_->heartbeat();
            woken_ = queue_->consume_wakes() || woken_;
        }
        if (cache_)
            cache_->ping();
    }
}

// So that wc_diagnose can tell: when connected, when another role is taken, and with each heartbeat.
void Loop::report()
{
    auto const now = clock_.now();
    if (!queue_ || (now < next_report_ && reported_draining_ == enrolled_))
        return;
    Report report{enrolled_, seconds(live_.get()->queue.heartbeat_s), std::nullopt, evicts_};
    if (cache_)
        report.reads = cache_->reads();
    queue_->report(report);
    next_report_ = now + report.next;
    reported_draining_ = enrolled_;
}

// A connection counts once a whole turn has worked on it: one that fails at its first use is tried again
// later and later, as one that cannot be made.
void Loop::keep()
{
    if (queue_) {
        queue_retry_.succeeded();
        metrics_.set_connected(Part::Postgres, true);
        health_.postgres = true;
    }
    if (cache_) {
        cache_retry_.succeeded();
        metrics_.set_connected(Part::Redis, true);
        health_.redis = true;
    }
}

void Loop::wait()
{
    auto const now = clock_.now();
    auto until = next_heartbeat_;
    if (works()) {
        until = std::min({until, next_poll_, next_save_, horizon_.due()});
    } else if (queue_) {
        until = std::min(until, next_look_);
        if (cache_)
            until = std::min(until, next_election_);
    }
    if (!queue_)
        until = std::min(until, std::max(now, queue_retry_.due()));
    if (!cache_)
        until = std::min(until, std::max(now, cache_retry_.due()));
    if (works() && woken_)
        until = std::max(now, next_drain_);
    if (works() && sweep_.is_active())
        until = now;

    int descriptors[2];
    std::size_t count = 0;
    if (queue_)
        descriptors[count++] = queue_->wake_fd();
    if (cache_)
        descriptors[count++] = cache_->fd();
    health_.busy_since = Time{};
    waiter_.wait(std::span(descriptors, count), until);
    health_.busy_since = clock_.now();
    if (queue_)
        woken_ = queue_->consume_wakes() || woken_;
    if (cache_)
        cache_->check();
}

void Loop::lose(const Failure &failure)
{
    ports_.set_prewarm_pace(Pace::Paused);
    auto const part = failure.part();
    metrics_.failed(part);
    metrics_.set_connected(part, false);
    drained_ = false;
    if (part == Part::Redis) {
        cache_.reset();
        health_.redis = false;
        cache_retry_.failed(clock_.now(), failure.what());
    } else {
        if (enrolled_)
            log::warning("drains no more: the connection to PostgreSQL is lost");
        queue_.reset();
        elected_ = enrolled_ = false;
        health_.postgres = false;
        sweep_.forget();
        queue_retry_.failed(clock_.now(), failure.what());
    }
}

// Often enough to vouch for the cache without a gap, however rarely the queue is to be polled.
milliseconds Loop::poll_interval() const
{
    auto const config = live_.get();
    return milliseconds(std::min(config->queue.poll_interval_ms, config->invalidate.alive_ttl_ms / 3));
}

void Loop::show_queue(Backlog backlog)
{
    metrics_.set_queue(backlog.rows, backlog.oldest);
    health_.queue_rows = static_cast<std::int64_t>(backlog.rows);
    health_.oldest_us = backlog.oldest.count();
}

}  // namespace wc::app
