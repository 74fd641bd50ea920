// Snapshot tokens: text that says which transactions a cached value has seen, and travels with the value.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Appends `XMIN:XMAX:XIP,XIP,…@STARTED#LIFE`.  The first part is the active snapshot in the form of pg_snapshot
/// (64-bit ids).  STARTED is the start of the transaction in microseconds since 1970; PostgreSQL cannot have taken the
/// snapshot before.  LIFE names the server, and the life of it, in which these ids are valid (server_life.hpp).
///
/// On a standby pg_current_snapshot() leaves out the transactions in progress.  The token lists them.  When the standby
/// does not know all of them, because there are too many, the token says that nothing from xmin on is visible.
void append_snapshot_token(json::Buffer &out);

/// Returns whether values that the running transaction reads may be cached.  They may not when it has changed something
/// itself: it sees its own changes, and may still roll back.
bool may_cache_reads();

}  // namespace wc
