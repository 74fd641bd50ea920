// Access to the trigger call of a function.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Returns the trigger call that a function serves.  Errors: 39P01 the function was not called as a trigger.
inline const TriggerData &trigger_call(FunctionCallInfo fcinfo)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called as a trigger")));
    return *reinterpret_cast<const TriggerData *>(fcinfo->context);
}

}  // namespace wc
