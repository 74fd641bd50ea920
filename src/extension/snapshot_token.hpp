// Which transactions a cached value has seen, as text that travels with it.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// Appends `XMIN:XMAX:XIP,XIP,…@STARTED#LIFE`: the active snapshot in the form of pg_snapshot (64-bit ids),
/// then the start of the transaction in microseconds since 1970, before which the snapshot cannot have
/// been taken, then in which life of which server these ids mean what they mean.
///
/// On a standby pg_current_snapshot() leaves out the transactions in progress; this lists them, or, when
/// there are too many to be known, says that none beyond xmin is visible.
void append_snapshot_token(json::Buffer &out);

/// Whether values that the running transaction reads may be cached at all: not when it has changed
/// something itself, for that is visible to it and may roll back.
bool may_cache_reads();

}  // namespace wc
