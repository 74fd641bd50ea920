// Tables of the schema white_cross that every change of the application's data touches, looked up once.
#pragma once
#include "extension/prelude.hpp"

namespace wc {

/// InvalidOid where the extension is not installed, or just being created or dropped.
Oid queue_table();
Oid worker_table();

/// Called once, when the library is loaded.
void watch_internal_tables();

}  // namespace wc
