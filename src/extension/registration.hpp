// Whether anybody wants to be told of changes: white_cross.worker, as writers see it.
#pragma once

namespace wc {

/// Takes a lock to the end of the transaction that conflicts with registering a worker: a writer that sees none has
/// committed before that worker's first look at the data.
bool has_worker();

/// Takes all registrations back, with the running transaction: from then on nothing is queued, and a worker that comes
/// back finds that it was not told of everything.  What somebody else is changing at this moment is left to them.
void lapse_registrations();

/// Called once, when the library is loaded.
void watch_registrations();

}  // namespace wc
