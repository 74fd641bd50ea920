// Hands events on to the stream in Redis, and remembers while it takes none.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "app/cache.hpp"
#include "app/event.hpp"
#include "metrics/metrics.hpp"

namespace wc::app {

/// Why no event is lost, and none overtakes another of its student: rows leave the queue only after their events were
/// appended, in the order in which the queue has them.  Once the stream has refused one it *holds*: nothing is
/// appended, and rows stay in the queue although their values are removed from the cache at once.  When the stream
/// takes the refused event, the worker goes through the queue again, from its beginning.  So an event may come twice,
/// and the first of each is in order.
///
/// Not thread-safe.
class EventStream {
public:
    EventStream(bool is_on, metrics::Metrics &metrics) : is_on_(is_on), metrics_(metrics) {}

    /// Appends these events, after those of every earlier call.  Returns false if the stream holds: then their rows
    /// must stay in the queue.  Throws Failure if the connection to Redis fails.
    bool append(std::span<const Event> events, Cache &cache);
    /// Appends the refused event again.  Returns true if the stream holds no more: then the caller reads the
    /// queue from its beginning.  REQUIRES: holds().
    bool try_again(Cache &cache);

    bool is_on() const noexcept { return is_on_; }
    bool holds() const noexcept { return refused_.has_value(); }
    /// What Redis answered.
    const std::string &refusal() const noexcept { return refusal_; }

private:
    bool is_on_;
    metrics::Metrics &metrics_;
    std::optional<Event> refused_;  ///< the first of the batch that the stream did not take
    std::string refusal_;
};

}  // namespace wc::app
