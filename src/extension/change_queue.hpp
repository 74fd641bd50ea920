// The queue of changes, white_cross.invalidation, as writers see it.
#pragma once
#include "core/changes/dirty_set.hpp"

namespace wc {

/// A glob of keys that are to be removed, in a list.  The text follows it.
struct KeyPattern {
    KeyPattern *next;
    std::size_t length;
    const char *text() const noexcept { return reinterpret_cast<const char *>(this + 1); }
};

/// Inserts what a transaction changed, as rows of the running transaction.  When the queue has reached
/// white_cross.queue_limit, registrations lapse.
void put_changes(const changes::DirtySet &set, const KeyPattern *patterns);

/// The running transaction has ended.
void end_of_changes() noexcept;

}  // namespace wc
