// The part of the loop that goes on with events once a stream that took none takes them again.
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

}  // namespace wc::app
