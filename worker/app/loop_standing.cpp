// The part of the loop that reports its state: to HTTP, metrics and log, and to the database for wc_diagnose.
#include <stdexcept>

#include "app/loop.hpp"
#include "process/log.hpp"

namespace wc::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kProgressInterval{10};
// A queue is idle if no row has come for so long.
constexpr seconds kLately{5};
// How long the first row may stay while another worker drains, in addition to queue.hung_after_ms.
constexpr seconds kUndrained{5};
// How long a worker looks at another Redis under its own name before it refuses to start.
constexpr seconds kSameName{5};

}  // namespace

// Asks the database who holds a lock, and which Redis other workers serve.
void Loop::find_obstacles()
{
    auto const now = ports_.clock.now();
    if (!queue_ || now < timers_.obstacles)
        return;
    timers_.obstacles = now + kLookInterval;
    sight_.is_undrained = queue_ && !elected_ && first_unmoved_ != Time{} &&
                          now - first_unmoved_ >= kUndrained + milliseconds(ports_.live.get()->queue.hung_after_ms);
    sight_.holders.clear();
    if (sight_.postgres && sight_.postgres->cause() == Cause::Locked)
        sight_.holders = queue_->holders(Held::Queue);
    else if (elected_ && !registered_)
        sight_.holders = queue_->holders(Held::Registration);
    else if (sight_.is_undrained)
        sight_.holders = queue_->holders(Held::Drain);
    if (!cache_)
        return;
    auto const other = registered_ ? std::nullopt : queue_->other_redis(cache_->address(), cache_->run_id());
    if (!other) {
        sight_.other_redis.clear();
        return;
    }
    if (sight_.other_redis.empty())
        other_since_ = now;
    sight_.other_redis = "worker " + other->worker + " keeps the Redis at " + other->address +
                         " fresh, this one would serve that at " + cache_->address();
    // Workers of one name share the work, and so must have the same Redis.  The difference may be short: after a
    // restart of Redis, until all workers know it; and if Redis moves, until the worker that drains has followed it.
    if (other->worker == ports_.worker_name && !was_well_ && !ports_.redis_moves && now - other_since_ >= kSameName)
        throw std::runtime_error(sight_.other_redis + ": workers of one name need the same redis.url");
}

void Loop::update_standing()
{
    auto const now = ports_.clock.now();
    sight_.is_connected = queue_ && cache_;
    sight_.is_elected = elected_;
    sight_.is_registered = registered_;
    sight_.is_undrained = sight_.is_undrained && queue_ && !elected_;
    sight_.evicts = works() && evicts_;
    sight_.set_aside = registered_ ? ports_.drain.set_aside().size() : 0;
    sight_.shards_away = works() && cache_->shards() ? cache_->shards()->trouble() : std::string();
    sight_.events_refused = works() && ports_.events.holds() ? ports_.events.refusal() : std::string();
    sight_.sweeps = works() && ports_.sweep.is_active();
    show_sweep();
    sight_.is_busy = now - last_rows_ < kLately && last_rows_ != Time{};
    if (!registered_) {
        sight_.behind_since = {};
        sight_.has_drained = false;
    }
    sight_.cold = registered_ ? ports_.prewarm_trouble() : std::nullopt;
    show_progress();
    standing_ = judge(sight_, now);
    was_well_ = was_well_ || is_well(standing_.state);
    if (announcer_.announce(standing_)) {
        timers_.report = {};
        timers_.progress = now + kProgressInterval;
    }
}

void Loop::show_progress()
{
    if (sight_.behind_since == Time{}) {
        ports_.metrics.set_catch_up(0, 0);
        return;
    }
    auto const pace = progress_.rows_per_second();
    auto const left = progress_.left(backlog_.rows);
    ports_.health.rows_per_second = pace;
    ports_.health.seconds_left = left ? left->count() : -1;
    ports_.metrics.set_catch_up(pace, left ? static_cast<double>(left->count()) : 0);
    sight_.progress = std::to_string(static_cast<std::int64_t>(pace)) + " rows a second, about " +
                      std::to_string(backlog_.rows) + " rows left" +
                      (left ? ", " + std::to_string(left->count()) + " s to go" : std::string());
    auto const now = ports_.clock.now();
    if (standing_.state != State::CatchingUp || now < timers_.progress)
        return;
    timers_.progress = now + kProgressInterval;
    timers_.report = {};
    log::info("catches up: {}", sight_.progress);
}

void Loop::show_sweep()
{
    auto const progress = ports_.sweep.progress();
    ports_.health.swept_seen = static_cast<std::int64_t>(progress.seen);
    ports_.health.swept_removed = static_cast<std::int64_t>(progress.removed);
    ports_.health.sweep_began = ports_.sweep.is_active() ? progress.began : Time{};
}

// Writes the row that wc_diagnose reads: after connecting, when the role or the state changes, with each heartbeat.
void Loop::report()
{
    auto const now = ports_.clock.now();
    if (!queue_ || standing_.state == State::Starting || (now < timers_.report && reported_draining_ == registered_))
        return;
    Report report{registered_, seconds(ports_.live.get()->queue.heartbeat_s)};
    report.standing = standing_;
    report.backlog = backlog_;
    if (cache_) {
        report.reads = cache_->reads();
        report.redis_address = cache_->address();
        report.redis_run_id = cache_->run_id();
    }
    sight_.unreported = queue_->report(report);
    timers_.report = now + (sight_.unreported ? seconds(kProgressInterval) : report.next);
    reported_draining_ = registered_;
}

void Loop::show_queue(const Backlog &backlog)
{
    // If another worker drains, the first row of the queue goes away.
    if (backlog.first.empty() || registered_)
        first_unmoved_ = {};
    else if (backlog.first != backlog_.first || first_unmoved_ == Time{})
        first_unmoved_ = ports_.clock.now();
    backlog_ = backlog;
    ports_.metrics.set_queue(backlog.rows, backlog.oldest);
    ports_.health.queue_rows = static_cast<std::int64_t>(backlog.rows);
    ports_.health.oldest_us = backlog.oldest.count();
}

}  // namespace wc::app
