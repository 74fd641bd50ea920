#include "extension/calls/call.hpp"

#include "extension/calls/slow_call.hpp"
#include "extension/calls/trace_context.hpp"
#include "extension/server/settings.hpp"

namespace wc::calls {

// A set of which not all rows have been fetched.  It lives in the set's memory context, which PostgreSQL frees after
// the last row, when the query ends, and after an error.
struct OpenSet {
    const FmgrInfo *of;
    Counts *counts;
    std::size_t function;
    std::int64_t began_ns;  // when the first call began
    std::int64_t used_ns;
    trace::Traceparent trace;
    audit::Record *record;
    bool is_between_calls;
    OpenSet *next;  // the next set that is between calls
    MemoryContextCallback when_freed;
};

namespace {

OpenSet *open_sets = nullptr;

void take_out(OpenSet &set) noexcept
{
    for (OpenSet **at = &open_sets; *at != nullptr; at = &(*at)->next) {
        if (*at == &set) {
            *at = set.next;
            break;
        }
    }
    set.is_between_calls = false;
}

void put_in(OpenSet &set) noexcept
{
    set.is_between_calls = true;
    set.next = open_sets;
    open_sets = &set;
}

struct Ended {
    std::size_t function;
    std::int64_t began_ns;
    std::int64_t ended_ns;
    std::int64_t used_ns;
    int sqlstate;
};

void put_span(Counts &counts, const Ended &ended, const trace::Traceparent &trace)
{
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    std::int64_t const unix_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    counts.spans.put({trace.trace, trace.parent, draw_span_id(), unix_ns - (ended.ended_ns - ended.began_ns), unix_ns,
                      static_cast<std::uint64_t>(ended.used_ns), static_cast<std::uint32_t>(ended.function),
                      static_cast<std::uint32_t>(ended.sqlstate)});
}

void count_ended(Counts &counts, const Ended &ended, const trace::Traceparent &trace)
{
    auto const used = static_cast<std::uint64_t>(ended.used_ns);
    int const threshold = settings::slow_query_threshold();
    bool const is_slow = threshold >= 0 && used > std::uint64_t{1'000'000} * static_cast<std::uint64_t>(threshold);
    auto const stripe = static_cast<std::size_t>(MyProcPid);
    counts.tallies[ended.function].count(stripe, used, is_slow);
    if (ended.sqlstate != 0) [[unlikely]]
        counts.tallies[ended.function].count_error(
            stripe, latency::error_class_of(std::string_view(unpack_sql_state(ended.sqlstate))));
    if (trace.is_sampled) [[unlikely]]
        put_span(counts, ended, trace);
    if (is_slow) [[unlikely]]
        report_slow_call(counts, {GetCurrentTimestamp(), used, trace.trace, static_cast<std::uint32_t>(ended.function),
                                  static_cast<std::uint32_t>(ended.sqlstate)});
}

// `counts` may be null.
void record_ended(Counts *counts, const Ended &ended, const trace::Traceparent &trace, audit::Record *record,
                  bool is_complete)
{
    if (counts != nullptr)
        count_ended(*counts, ended, trace);
    audit::end(record, {ended.sqlstate, is_complete, trace.trace});
}

// Records a set whose query ended before its last row was fetched.
void when_set_is_freed(void *freed)
{
    auto &set = *static_cast<OpenSet *>(freed);
    if (!set.is_between_calls)
        return;
    take_out(set);
    record_ended(set.counts, {set.function, set.began_ns, clock_ns(), set.used_ns, 0}, set.trace, set.record, false);
}

}  // namespace

bool has_open_sets() noexcept { return open_sets != nullptr; }

Earlier continue_set(FunctionCallInfo fcinfo) noexcept
{
    for (OpenSet *set = open_sets; set != nullptr; set = set->next) {
        if (set->of == fcinfo->flinfo) {
            take_out(*set);
            return {set, set->began_ns, set->used_ns, set->trace, set->record};
        }
    }
    return {};
}

bool leave_set_open(const Call &call, FunctionCallInfo fcinfo, std::int64_t now)
{
    auto const *const result = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
    if (result == nullptr || !IsA(result, ReturnSetInfo) || result->isDone != ExprMultipleResult)
        return false;
    OpenSet *set = call.earlier.set;
    if (set == nullptr) {
        MemoryContext const memory = static_cast<FuncCallContext *>(fcinfo->flinfo->fn_extra)->multi_call_memory_ctx;
        set = static_cast<OpenSet *>(MemoryContextAllocZero(memory, sizeof(OpenSet)));
        set->of = fcinfo->flinfo;
        set->counts = call.counts;
        set->function = call.function;
        set->began_ns = call.began_ns;
        set->trace = current_trace();
        set->record = call.part.record;
        set->when_freed.func = when_set_is_freed;
        set->when_freed.arg = set;
        MemoryContextRegisterResetCallback(memory, &set->when_freed);
    }
    set->used_ns += now - call.began_ns;
    put_in(*set);
    return true;
}

void record(const Call &call, std::int64_t now, int sqlstate)
{
    if (call.counts != nullptr && call.counts->window.is_due(now)) [[unlikely]]
        try_to_take_snapshot(*call.counts, now);
    const Earlier &earlier = call.earlier;
    std::int64_t const used = now - call.began_ns;
    bool const is_complete = sqlstate == 0;
    if (earlier.set == nullptr) [[likely]]
        record_ended(call.counts, {call.function, call.began_ns, now, used, sqlstate}, current_trace(),
                     call.part.record, is_complete);
    else  // earlier.set may be freed already, because this was the last call: use the copies of its members
        record_ended(call.counts, {call.function, earlier.began_ns, now, earlier.used_ns + used, sqlstate},
                     earlier.trace, call.part.record, is_complete);
}

}  // namespace wc::calls
