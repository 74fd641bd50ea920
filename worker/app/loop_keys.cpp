// The part of the loop that sees whether the database and this worker make the same keys.
#include "app/loop.hpp"
#include "process/log.hpp"

namespace wc::app {

// Another worker may reach Redis, or know the keys: it gets the lock.
void Loop::let_others_drain(std::string_view why)
{
    if (!elected_)
        return;
    elected_ = registered_ = false;
    log::info("{}", why);
    ports_.sweep.forget();
    queue_->release();
}

// Of keys that this worker does not know, it must not say that they are fresh.  What is under them already is not found
// once the liveness ends, and the library stores nothing under them.
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
