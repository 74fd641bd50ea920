// The part of the loop that decides which process of Redis is trusted, and tells the database.
#include "app/loop.hpp"
#include "process/log.hpp"

namespace wc::app {

using std::chrono::milliseconds;

// Returns true if until now another process of Redis was served, or this one had other data.  Then a row for every
// student is queued.
bool Loop::serve()
{
    auto const process = cache_->process();
    if (process == served_)
        return false;
    auto const [is_other, since] = queue_->serve(process);
    served_ = process;
    timers_.vouching = vouched_at_ = {};
    // One Redis that is another process than a moment ago was restarted, and nobody is answered by the former process.
    // Before this worker's first renewal, though, another worker may have served other Redis.
    if (ports_.redis_moves || ports_.is_target || !vouched_until_)
        hold(since);
    if (is_other)
        ports_.metrics.redis_changed();
    return is_other;
}

// The database is told for how long readers may be answered before the liveness is renewed: until then it keeps every
// row for this Redis, and afterwards none.  It is told after each drain, also while nothing can be renewed, as during a
// sweep; and not where no drain succeeds, so that rows do not wait for a Redis that refuses everything.
void Loop::vouch()
{
    auto const now = ports_.clock.now();
    if (!ports_.is_target || !works() || served_.empty() || now < timers_.vouching)
        return;
    milliseconds const ttl(ports_.live.get()->invalidate.alive_ttl_ms);
    timers_.vouching = now + ttl / 10;
    vouched_at_ = now;
    if (queue_->vouch(ttl))
        return;
    log::info("{} was away: all values cached there before are removed", cache_->address());
    served_.clear();
    timers_.epoch = vouched_at_ = {};
}

// Holds back the changes while the process that was served before may still answer readers: its liveness, which
// nobody renews, was valid for alive_ttl_ms when it was renewed last.  What is acknowledged meanwhile would be stale
// there.
void Loop::hold(milliseconds served)
{
    auto const now = ports_.clock.now();
    milliseconds const ttl(ports_.live.get()->invalidate.alive_ttl_ms);
    held_until_ = vouched_until_ ? *vouched_until_ : served < ttl ? now + ttl - served : Time{};
    if (held_until_ <= now)
        return;
    if (sight_.behind_since == Time{})
        sight_.behind_since = now;
    log::info("changes wait for {} ms, until no reader is answered by the Redis that was served before",
              std::chrono::ceil<milliseconds>(held_until_ - now).count());
}

// REQUIRES: the epoch is not yet opened or closed.  Whoever finds it opened or closed relies on this row being queued.
void Loop::distrust_cache()
{
    queue_->distrust_cache();
    woken_ = true;
}

// An evicted fence refuses nothing.  The worker still removes what changes make stale, but the library stores nothing
// and finds nothing until Redis no longer evicts.
void Loop::close_epoch(Epoch found)
{
    ports_.metrics.set_epoch_open(false);
    if (found == Epoch::Evicting) {
        distrust_cache();
        cache_->close_epoch();
    }
    if (!std::exchange(evicts_, true)) {
        log::warning(
            "redis evicts keys when its memory is full, and with them what keeps stale values out: until it has "
            "maxmemory-policy noeviction, or no maxmemory, the library stores nothing and finds nothing");
    }
}

}  // namespace wc::app
