// The rows of a kept query, one at a time, within one call of a function: however many there are, they take no more
// memory than one.
#pragma once
#include "extension/query/kept_plan.hpp"

namespace wc {

/// Takes a row.
using ReceiveRow = void (*)(void *state, const Datum *values, const bool *nulls);

/// Runs a query like KeptPlan::select, and gives each row to `receive`.  The memory context that is current then is
/// reset before the next row.  `receive` does not use SPI.
void receive_rows(KeptPlan &plan, const char *text, int count, Oid *types, const Datum *values, const char *nulls,
                  ReceiveRow receive, void *state);

/// Like receive_rows(), but calls the object `take` with values and nulls.
template <class Take>
void for_each_row(KeptPlan &plan, const char *text, int count, Oid *types, const Datum *values, const char *nulls,
                  Take take)
{
    receive_rows(
        plan, text, count, types, values, nulls,
        [](void *state, const Datum *row, const bool *row_nulls) { (*static_cast<Take *>(state))(row, row_nulls); },
        &take);
}

}  // namespace wc
