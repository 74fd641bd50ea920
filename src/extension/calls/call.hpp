// Counts one call of a function: how long it took, and whether it failed.  Where calls are audited, it is recorded too.
//
// PostgreSQL calls a function that returns a set once for each row.  All these calls count as one: their times are
// summed, and the sum is recorded when the last row is fetched, or when the query ends earlier.
#pragma once
#include "extension/audit/record.hpp"
#include "extension/calls/counts.hpp"
#include "extension/server/boundary.hpp"

namespace wc::calls {

struct OpenSet;

/// What the earlier calls for the same set left behind.
struct Earlier {
    OpenSet *set;  // null: there were no earlier calls
    std::int64_t began_ns;
    std::int64_t used_ns;
    trace::Traceparent trace;
    audit::Record *record;
};

struct Call {
    Counts *counts;  // null: calls are not counted in this database
    std::size_t function;
    std::int64_t began_ns;
    Earlier earlier;
    audit::Part part;
};

/// Returns whether this session has sets of which some rows, but not yet all, were fetched.
bool has_open_sets() noexcept;

/// Takes what the earlier calls for this set left behind.
Earlier continue_set(FunctionCallInfo fcinfo) noexcept;

/// Returns whether other calls for this set follow.  If so, it keeps the time used so far for continue_set().
bool leave_set_open(const Call &call, FunctionCallInfo fcinfo, std::int64_t now);

/// Counts a call that ended at `now`.  `sqlstate` is 0 for success.
void record(const Call &call, std::int64_t now, int sqlstate);

/// Calls `work`, counts the call if calls are counted in this database, and records it if calls are audited.
template <std::size_t function, typename Work>
Datum counted(FunctionCallInfo fcinfo, Work work)
{
    Counts *const counts = current_counts();
    if (counts == nullptr && !audit::is_on() && !has_open_sets())
        return work();
    bool const is_set = fcinfo->flinfo->fn_retset;
    std::int64_t const began = clock_ns();
    Earlier const earlier = is_set ? continue_set(fcinfo) : Earlier{};
    audit::Part const part = earlier.set == nullptr
                                 ? audit::begin(kFunctions[function].name, kFunctions[function].subject)
                                 : audit::resume(earlier.record);
    Call const call{counts, function, began, earlier, part};
    bool is_open = false;
    Datum const result = overheard(
        [&] {
            Datum const made = work();
            audit::note_result(part.record, fcinfo);
            is_open = is_set && leave_set_open(call, fcinfo, clock_ns());
            return made;
        },
        [&call](int sqlstate) {
            audit::leave(call.part);
            record(call, clock_ns(), sqlstate);
        });
    audit::leave(part);
    if (!is_open)
        record(call, clock_ns(), 0);
    return result;
}

}  // namespace wc::calls

/// Defines a function that SQL can call, and whose calls are counted.
#define WC_COUNTED_FUNCTION(name) WC_FUNCTION_WITHIN(wc::calls::counted<wc::calls::number_of(#name)>, name)
