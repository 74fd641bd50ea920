// The queue of changes, white_cross.invalidation, as writers see it.
#pragma once
#include "core/changes/dirty_set.hpp"

namespace wc {

/// Inserts what a transaction changed, as rows of the running transaction.  When the queue has reached
/// white_cross.queue_limit, registrations lapse.
void put_changes(const changes::DirtySet &set);

/// The running transaction has ended.
void end_of_changes() noexcept;

}  // namespace wc
