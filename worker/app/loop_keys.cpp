// The part of the loop that sees whether the database and this worker make the same keys.
#include "app/loop.hpp"
#include "process/log.hpp"

namespace wc::app {

// Releases the lock, so that another worker gets it that can reach Redis, or knows the keys.
void Loop::let_others_drain(std::string_view why)
{
    if (!elected_)
        return;
    elected_ = registered_ = false;
    log::info("{}", why);
    ports_.sweep.forget();
    queue_->release();
}

// This worker must not say that keys are fresh that it does not know.  When the liveness ends, readers find no values
// under such keys, and the library stores none.
void Loop::ensure_keys()
{
    auto const now = ports_.clock.now();
    if (!queue_ || !cache_ || now < timers_.keys)
        return;
    timers_.keys = now + poll_interval();
    try {
        cache_->check_keys(queue_->key_fingerprints());
    } catch (const Failure &failure) {
        if (failure.cause() == Cause::OtherKeys)
            let_others_drain("this worker lets others drain the queue until it names keys as the database does");
        throw;
    }
}

}  // namespace wc::app
