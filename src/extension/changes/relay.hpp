// Waking the worker without making writers wait for each other.
//
// NOTIFY takes a lock of the whole cluster and holds it while the commit is flushed to disk, so that
// writers that notify commit one after another.  With shared_preload_libraries = 'white_cross' they do
// not: after its commit a writer only sets a flag in shared memory, and one background process for each
// database, the relay, sends one NOTIFY for all who have set it.
//
// The relay of a database is started by its wc-worker and ends when no wc-worker drains any more, so
// that it never stands in the way of DROP DATABASE.  A flag that is lost (a crash) costs the time until
// the worker's next poll, and nothing else: what was changed is in the queue.
//
// However many writers commit, the worker is told once for each time that it looks.  The relay sets is_told before the
// NOTIFY.  The worker clears it before it takes the snapshot with which it looks.  A writer that finds it set has
// committed before it was cleared, so the worker will see what the writer wrote.
#pragma once

namespace wc::relay {

/// Reserves shared memory.  Called once, while shared_preload_libraries are loaded.
void reserve();

/// Whether the library was preloaded.
bool is_available() noexcept;

/// Whether a writer should notify by itself all the same: there was no room for a relay.
bool must_notify_directly() noexcept;

/// Tells the relay of this database that there is something in the queue, unless the worker has been told already and
/// has not looked since.  Cannot fail: it runs after the commit.
void announce() noexcept;

/// The worker is about to look into the queue: what is committed after this call must be announced again.
void begin_drain() noexcept;

}  // namespace wc::relay
