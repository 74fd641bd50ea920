// Enters the current transaction into the registers of the students that it changed.
#pragma once
#include "core/changes/dirty_set.hpp"

namespace wc::warm {

/// Enters the current transaction.  Never fails.  Does nothing if there is no shared memory.
///
/// REQUIRES: `changed` has all changes of the transaction, and its commit or PREPARE TRANSACTION cannot be seen yet.
void enter_changes(const changes::DirtySet &changed) noexcept;

}  // namespace wc::warm
