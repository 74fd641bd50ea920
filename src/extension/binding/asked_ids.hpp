// The ids that a call is asked for, as the audit's record of the call shows them.
#pragma once
#include "extension/audit/record.hpp"

namespace wc {

/// Notes the ids of the function's first argument, which identify a `subject`.  Does nothing after the first of the
/// calls for the rows of one set.
///
/// Errors: as id_array_argument().
void note_asked_ids(FunctionCallInfo fcinfo, audit::Subject subject);

}  // namespace wc
