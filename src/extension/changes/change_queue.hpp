// Writes to the queue of changes, white_cross.invalidation.
#pragma once
#include "core/changes/dirty_set.hpp"
#include "core/trace/traceparent.hpp"

namespace wc {

/// An element of a list of patterns of keys to remove.  Its text follows it in memory.
struct KeyPattern {
    KeyPattern *next;
    std::size_t length;
    const char *text() const noexcept { return reinterpret_cast<const char *>(this + 1); }
};

/// Inserts a transaction's changes as rows of the running transaction.  If the queue has reached
/// white_cross.queue_limit, removes all registrations of workers.  The rows name `writer` if it is sampled.
void put_changes(const changes::DirtySet &set, const KeyPattern *patterns, const trace::Traceparent &writer);

/// Resets the state of the running transaction, at its end.
void end_of_changes() noexcept;

}  // namespace wc
