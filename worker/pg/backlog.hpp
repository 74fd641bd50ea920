// The statement that measures how much waits in the queue.
#pragma once
#include "pg/statement.hpp"

namespace wc::pg {

/// Selects the number of rows, the age of the oldest in microseconds, and the name (XID:N) of the first row that names
/// students.  Parameters: an array of transaction ids and the place (xid, n) after which their rows count, then the
/// place after which all rows count.
extern const Statement kBacklog;

}  // namespace wc::pg
