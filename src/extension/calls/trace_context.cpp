#include "extension/calls/trace_context.hpp"

#include "extension/server/settings.hpp"

extern "C" {
#include "tcop/tcopprot.h"
}

namespace wc::calls {

const trace::Traceparent &current_trace() noexcept
{
    // A function may be called for many rows of one statement, so the comment is parsed once for a statement.  Text and
    // time tell whether the statement is the same one: each message of a client has another time.
    static const char *statement = nullptr;
    static TimestampTz began_at = 0;
    static trace::Traceparent of_statement{};
    TimestampTz const now = GetCurrentStatementStartTimestamp();
    if (debug_query_string != statement || now != began_at) {
        statement = debug_query_string;
        began_at = now;
        of_statement = statement == nullptr ? trace::Traceparent{}
                                            : trace::find_traceparent(statement).value_or(trace::Traceparent{});
    }
    return of_statement.is_set() ? of_statement : settings::traceparent();
}

trace::SpanId draw_span_id()
{
    // SplitMix64: ids of spans must differ, but need not be secret.
    static std::uint64_t state = 0;
    if (state == 0 && !pg_strong_random(&state, sizeof state))
        state = static_cast<std::uint64_t>(MyProcPid) << 40 ^ static_cast<std::uint64_t>(GetCurrentTimestamp());
    std::uint64_t mixed = 0;
    do {
        mixed = state += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
        mixed ^= mixed >> 31;
    } while (mixed == 0);
    return mixed;
}

}  // namespace wc::calls
