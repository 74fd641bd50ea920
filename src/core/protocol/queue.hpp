// Names in the database that the extension and the worker share.
#pragma once

namespace wc::queue {

/// The channel of the payload-free NOTIFY that wakes the worker.
inline constexpr const char *kChannel = "white_cross";

/// The drain lock as pg_locks shows it (classid, objid, objsubid): "WC", the version of the protocol, and a kind of
/// advisory lock that none of PostgreSQL's own functions takes.
inline constexpr int kDrainLockClass = 0x5743;
inline constexpr int kDrainLockId = 1;
inline constexpr int kDrainLockKind = 3;
/// The kind of the lock of one of several Redis; its objid is a hash of the target's name.
inline constexpr int kTargetLockKind = 4;

}  // namespace wc::queue
