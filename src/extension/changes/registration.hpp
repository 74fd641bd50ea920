// The registrations of workers (white_cross.worker), as writers see them.
#pragma once

namespace wc {

/// Whether a worker is registered.  Takes a lock until the end of the transaction that conflicts with registering a
/// worker, but not with reading white_cross.worker: a writer that finds no worker has committed before a new worker
/// first reads the data.
bool has_worker();

/// Like has_worker(), for a caller that only reports the answer: takes no lock that registering a worker waits for, so
/// at the commit another answer may be true.
bool has_worker_now();

/// Whether a worker has reported lately that it drains and that no row waits for long.  Then a long queue consists of
/// rows that were drained and that vacuum cannot remove while an old snapshot may see them, and the worker is not to
/// blame.
bool is_kept_up();

/// Removes all registrations in the running transaction: from then on nothing is queued, and a worker that comes back
/// finds out that changes are missing.  Skips registrations that another transaction is changing.
void lapse_registrations();

/// A worker is about to read the queue: the next commit with changes notifies again.  Errors: 55000 no worker is
/// registered, so that changes were not queued.
void begin_drain();

/// Called once, when the library is loaded.
void watch_registrations();

}  // namespace wc
