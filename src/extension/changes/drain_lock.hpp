// The drain lock: the worker that holds it drains this database's queue.
//
// It is an advisory lock of a third kind.  PostgreSQL's own functions take advisory locks with one key (field 4 of the
// lock tag is 1) and with two keys (2), and every role may call them.  In the drain lock the field is 3; only
// white_cross.lock_drain takes it, which only workers may execute.  Like any advisory lock it ends with its session, so
// that a crash or a failover frees it, and pg_locks shows it.
//
// Of several Redis, the targets, each has a lock of its own, of a fourth kind.  Who holds that of a target shares the
// drain lock with those that hold others'.
#pragma once

namespace wc::drain_lock {

/// Whether a session holds the lock.  It reads the table of locks, as pg_locks does: trying to take the lock could make
/// a worker fail that tries at the same moment.
bool is_held();

}  // namespace wc::drain_lock
