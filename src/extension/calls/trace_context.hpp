// The trace and span of the caller, as the caller names them.
#pragma once
#include "core/trace/traceparent.hpp"
#include "extension/server/prelude.hpp"

namespace wc::calls {

/// Returns the traceparent in the comment at the end of the client's statement, or else that of
/// white_cross.traceparent. is_set() is false if there is neither.
const trace::Traceparent &current_trace() noexcept;

/// Returns a new id for a span, which is never 0.
trace::SpanId draw_span_id();

}  // namespace wc::calls
