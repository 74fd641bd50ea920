// Names through which the extension and the worker meet in the database.
#pragma once

namespace wc::queue {

/// The channel of the payload-free NOTIFY that wakes the worker.
inline constexpr const char *kChannel = "white_cross";

/// The two-part advisory lock whose holder drains the queue.  "WC" and the version of the protocol.
inline constexpr int kDrainLockClass = 0x5743;
inline constexpr int kDrainLockId = 1;

}  // namespace wc::queue
