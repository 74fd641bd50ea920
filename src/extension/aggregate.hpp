// What aggregates written in C++ share: where their state lives, and what they refuse.
#pragma once
#include <cmath>

#include "extension/prelude.hpp"

namespace wc {

/// The memory context of an aggregate's state.  Errors: 55000 when called by anything else than an aggregate.
inline MemoryContext aggregate_context(FunctionCallInfo fcinfo)
{
    MemoryContext context = nullptr;
    if (AggCheckCallContext(fcinfo, &context) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("must be called as part of an aggregate")));
    return context;
}

/// Errors: 22003 NaN and infinities, which would make of every other value something that is none.
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
