// JSON as a result: one C function serves a function of SQL that returns json, and one that returns jsonb.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Returns JSON text as the function is declared to return it: as it is, or as jsonb.
///
/// Errors: 54000 more than jsonb can hold.
Datum json_result(FunctionCallInfo fcinfo, Datum json);

/// The same for a column of a row, by the column's type.
Datum json_column(TupleDesc shape, int column, Datum json);

}  // namespace wc
