#include "extension/calls/slow_call.hpp"

#include "extension/server/log_line.hpp"

namespace wc::calls {
void report_slow_call(Counts &counts, const SlowCall &call)
{
    counts.slow_calls.put(call);
    trace::LineLimit::Admission const admission = counts.log_lines.admit(clock_ns() / 1'000'000'000);
    if (admission.suppressed > 0)
        write_log_line("%llu slow calls were suppressed", static_cast<unsigned long long>(admission.suppressed));
    if (!admission.is_admitted)
        return;
    char trace[trace::kTraceDigits + 1] = "-";
    if ((call.trace.high | call.trace.low) != 0) {
        trace::write_hex(call.trace, trace);
        trace[trace::kTraceDigits] = '\0';
    }
    write_log_line("slow call: function=%s ms=%.3f sqlstate=%s trace_id=%s", kFunctions[call.function].name.data(),
                   static_cast<double>(call.nanoseconds) / 1e6,
                   call.sqlstate == 0 ? "00000" : unpack_sql_state(static_cast<int>(call.sqlstate)), trace);
}

}  // namespace wc::calls
