// The queue of changes, white_cross.invalidation, as writers see it.
#pragma once
#include "core/changes/dirty_set.hpp"

namespace wc {

/// Whether anybody wants to be told of changes.  Takes a lock to the end of the transaction that
/// conflicts with registering a worker: a writer that sees none has committed before that worker's first
/// look at the data.
bool has_worker();

/// Inserts what a transaction changed, as rows of the running transaction.
void put_changes(const changes::DirtySet &set);

/// The running transaction has ended.
void end_of_changes() noexcept;

}  // namespace wc
