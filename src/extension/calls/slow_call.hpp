// Reports calls that took longer than white_cross.slow_query_threshold: each in a line of the server's log, and the
// last ones in memory.
#pragma once
#include "extension/calls/counts.hpp"

namespace wc::calls {

/// Writes at most ten lines a second; a later line says how many were suppressed.
void report_slow_call(Counts &counts, const SlowCall &call);

}  // namespace wc::calls
