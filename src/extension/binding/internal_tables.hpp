// The OIDs of tables of the schema white_cross, cached, because every change of the application's data needs them.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Each returns InvalidOid if the extension is not installed, or is just being created or dropped.
Oid queue_table();
Oid worker_table();
Oid report_table();

/// Locks the table that `find_table` (one of the functions above) returns, and returns it.  Taking the lock accepts all
/// invalidations up to this moment; returns InvalidOid if they say that the table is gone.
Oid lock_internal_table(Oid (*find_table)(), LOCKMODE mode);

/// Called once, when the library is loaded.
void watch_internal_tables();

}  // namespace wc
