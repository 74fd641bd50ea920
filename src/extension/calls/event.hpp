// Calls that are kept one by one: slow calls and calls of traces.  They contain no arguments, no ids and no texts of
// callers.
#pragma once
#include <cstdint>

#include "core/trace/traceparent.hpp"

namespace wc::calls {

struct SlowCall {
    std::int64_t ended_at;  // a TimestampTz
    std::uint64_t nanoseconds;
    trace::TraceId trace;  // zero: the call belongs to no trace
    std::uint32_t function;
    std::uint32_t sqlstate;  // 0: it succeeded
};

struct Span {
    trace::TraceId trace;
    trace::SpanId parent;
    trace::SpanId id;
    std::int64_t began_unix_ns;
    std::int64_t ended_unix_ns;
    std::uint64_t nanoseconds;  // spent in the function: less than ended - began if a set was fetched row by row
    std::uint32_t function;
    std::uint32_t sqlstate;
};

}  // namespace wc::calls
