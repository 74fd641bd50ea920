#include "app/event_stream.hpp"

#include "process/log.hpp"

namespace wc::app {

bool EventStream::append(std::span<const Event> events, Cache &cache)
{
    if (events.empty())
        return true;
    if (holds())
        return false;
    refusal_ = cache.append_events(events);
    if (refusal_.empty()) {
        metrics_.events_appended(events.size());
        return true;
    }
    refused_ = events.front();
    log::warning(
        "the stream of events takes none: {}; what changes is removed from the cache, and its rows stay in the queue "
        "until their events are in the stream",
        refusal_);
    return false;
}

bool EventStream::try_again(Cache &cache)
{
    refusal_ = cache.append_events(std::span(&*refused_, 1));
    if (!refusal_.empty())
        return false;
    refused_.reset();
    metrics_.events_appended(1);
    log::info("the stream of events takes events again");
    return true;
}

}  // namespace wc::app
