// Functions that the aggregates in C++ share: the memory context of their state, and the check of their values.
#pragma once
#include <cmath>

#include "extension/server/prelude.hpp"

namespace wc {

/// Returns the memory context of an aggregate's state.  Errors: 55000 if the caller is not an aggregate.
inline MemoryContext aggregate_context(FunctionCallInfo fcinfo)
{
    MemoryContext context = nullptr;
    if (AggCheckCallContext(fcinfo, &context) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("must be called as part of an aggregate")));
    return context;
}

/// Returns the value.  Errors: 22003 for NaN and infinities, because one of them would make the whole result
/// meaningless.
inline double finite_value(double value)
{
    if (!std::isfinite(value)) [[unlikely]]
        ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                        errmsg("value must be a finite number, not %s", std::isnan(value) ? "NaN"
                                                                        : value > 0       ? "Infinity"
                                                                                          : "-Infinity"),
                        errhint("Leave it out: FILTER (WHERE value < 'Infinity' AND value > '-Infinity').")));
    return value;
}

}  // namespace wc
