// Names the server and its present life, which ends with a stop or a crash.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Appends `SYSTEM.TIMELINE.LIFE`, all of them digits: the cluster, its timeline, and a number that changes with every
/// start and every crash.  Under the same text a transaction id always means the same transaction, and a commit that
/// was seen is not undone.
///
/// On a standby it appends `SYSTEM.TIMELINE`.  A standby has only commits that the primary had written to its disk,
/// which a crash does not undo; only the promotion of another standby can.
void append_server_life(json::Buffer &out, bool is_standby);

}  // namespace wc
