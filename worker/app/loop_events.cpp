// The part of the loop that sees to the stream of events where it took none, and where it may have lost some.
#include "app/loop.hpp"

namespace wc::app {

// The rows whose events a stream did not take are in the queue, and what was removed for them is removed again.
void Loop::resume_events()
{
    auto const now = ports_.clock.now();
    if (!works() || !ports_.events.holds() || now < timers_.events)
        return;
    timers_.events = now + poll_interval();
    if (!ports_.events.try_again(*cache_))
        return;
    ports_.sweep.tell(*queue_, *cache_);
    queue_->rewind();
    woken_ = true;
}

// A shard that has the stream since a promotion may lack the newest events: any student may have changed.
void Loop::tell_of_lost_events(Shards &shards, const std::string &process)
{
    if (process.empty() || ports_.events.holds())
        return;
    auto const everything = queue_->everything_by_now();
    if (ports_.events.append(events_of(std::span(&everything, 1)), *cache_))
        shards.told(process);
}

}  // namespace wc::app
