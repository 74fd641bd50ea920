// Which server this is, and since when it has lost nothing.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// Appends `SYSTEM.TIMELINE.LIFE`, digits all of them: cluster, timeline, and a number that is another one after every
/// start and every crash.  A transaction that two values saw under the same text is the same one, and is not undone.
///
/// On a standby `SYSTEM.TIMELINE`.  It has only what the primary had written to its disk, which a crash does not
/// undo; only a promotion of somebody else can.
void append_server_life(json::Buffer &out, bool is_standby);

}  // namespace wc
