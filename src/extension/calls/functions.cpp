// The SQL functions that return the counts, slow calls and spans.
#include <algorithm>

#include "extension/calls/counts.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/result_rows.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace wc::calls {
namespace {

// The edges of the histograms are 64 ns * 2^power: from 1 µs to 68.7 s.
constexpr unsigned kFirstPower = 4;
constexpr unsigned kLastPower = 30;

Datum text_of(std::string_view text)
{
    return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
}

template <class Id>
Datum hex_of(Id id)
{
    char digits[sizeof id * 2];
    trace::write_hex(id, digits);
    return text_of({digits, sizeof digits});
}

Datum number_of_calls(std::uint64_t n) { return Int64GetDatum(static_cast<std::int64_t>(n)); }
Datum milliseconds(double nanoseconds) { return Float8GetDatum(nanoseconds / 1e6); }

Datum classes_of(const latency::Tally &tally)
{
    StringInfoData json;
    initStringInfo(&json);
    char before = '{';
    for (std::size_t i = 0; i < latency::kErrorClassCount; ++i) {
        if (tally.errors[i] == 0)
            continue;
        appendStringInfo(&json, "%c\"%s\": " UINT64_FORMAT, before, latency::kErrorClasses[i].data(), tally.errors[i]);
        before = ',';
    }
    appendStringInfoString(&json, before == '{' ? "{}" : "}");
    return text_of({json.data, static_cast<std::size_t>(json.len)});
}

// The counts since the last reset, and those of the window.
struct Seen {
    TimestampTz since;
    double window_seconds;
    latency::Tally all[kFunctionCount];
    latency::Tally window[kFunctionCount];
};

Seen &see(Counts &counts)
{
    auto &seen = *static_cast<Seen *>(palloc(sizeof(Seen)));
    LWLockAcquire(counts.lock, LW_EXCLUSIVE);
    std::int64_t const now = clock_ns();
    take_snapshot(counts, now);
    auto const begin = counts.window.begin(now);
    seen.since = counts.since;
    seen.window_seconds = static_cast<double>(now - begin.at) / 1e9;
    for (std::size_t i = 0; i < kFunctionCount; ++i) {
        counts.tallies[i].read(seen.all[i]);
        begin.images[i].difference(seen.all[i], seen.window[i]);
        seen.all[i].subtract(counts.ignored[i]);
    }
    LWLockRelease(counts.lock);
    return seen;
}

// The columns of a tally: calls, errors, error classes, slow calls, sum, p50, p95, p99.
constexpr int kColumns = 8;
void put_tally(const latency::Tally &tally, Datum *values, bool *nulls)
{
    std::uint64_t const calls = tally.calls();
    values[0] = number_of_calls(calls);
    values[1] = number_of_calls(tally.failed());
    values[2] = classes_of(tally);
    values[3] = number_of_calls(tally.slow);
    values[4] = milliseconds(static_cast<double>(tally.sum_ns));
    int column = 5;
    for (double const q : {0.50, 0.95, 0.99}) {
        values[column] = milliseconds(tally.quantile_ns(q));
        nulls[column++] = calls == 0;
    }
}

void put_row(ResultRows &rows, const char *function, const Seen &seen, const latency::Tally &all,
             const latency::Tally &window)
{
    Datum values[3 + 2 * kColumns] = {};
    bool nulls[3 + 2 * kColumns] = {};
    nulls[0] = function == nullptr;
    if (function != nullptr)
        values[0] = text_of(function);
    values[1] = TimestampTzGetDatum(seen.since);
    put_tally(all, values + 2, nulls + 2);
    values[2 + kColumns] = Float8GetDatum(seen.window_seconds);
    put_tally(window, values + 3 + kColumns, nulls + 3 + kColumns);
    rows.put(values, nulls);
}

Datum datums_as_array(const Datum *values, int count, Oid type)
{
    return PointerGetDatum(construct_array(const_cast<Datum *>(values), count, type, sizeof(std::int64_t),
                                           FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

constexpr const char *name_of(Counting counting)
{
    switch (counting) {
        case Counting::Yes: return "yes";
        case Counting::NotPreloaded: return "not preloaded";
        case Counting::TurnedOff: return "turned off";
        case Counting::NoRoom: return "no room";
    }
    return "";
}

}  // namespace
}  // namespace wc::calls

using namespace wc;
using namespace wc::calls;

// white_cross.call_counting() → text
WC_FUNCTION(wc_call_counting) { return PointerGetDatum(cstring_to_text(name_of(counting()))); }

// white_cross.call_statistics() → a row for each function, and one without a name for all of them
WC_FUNCTION(wc_call_statistics)
{
    ResultRows rows(fcinfo);
    Counts *const counts = current_counts();
    if (counts == nullptr)
        return rows.finish();
    const Seen &seen = see(*counts);
    auto *const sums = static_cast<latency::Tally *>(palloc0(2 * sizeof(latency::Tally)));
    for (std::size_t i = 0; i < kFunctionCount; ++i) {
        put_row(rows, kFunctions[i].name.data(), seen, seen.all[i], seen.window[i]);
        sums[0].add(seen.all[i]);
        sums[1].add(seen.window[i]);
    }
    put_row(rows, nullptr, seen, sums[0], sums[1]);
    return rows.finish();
}

// white_cross.call_histograms() → (function, calls, sum_seconds, le_seconds[], below[])
WC_FUNCTION(wc_call_histograms)
{
    ResultRows rows(fcinfo);
    Counts *const counts = current_counts();
    if (counts == nullptr)
        return rows.finish();
    constexpr int kEdges = kLastPower - kFirstPower + 1;
    const Seen &seen = see(*counts);
    for (std::size_t i = 0; i < kFunctionCount; ++i) {
        Datum edges[kEdges];
        Datum below[kEdges];
        for (unsigned power = kFirstPower; power <= kLastPower; ++power) {
            edges[power - kFirstPower] = Float8GetDatum(static_cast<double>(latency::kUnitNs << power) / 1e9);
            below[power - kFirstPower] = number_of_calls(seen.all[i].calls_below(power));
        }
        Datum const values[] = {text_of(kFunctions[i].name),
                                number_of_calls(seen.all[i].calls()),
                                number_of_calls(seen.all[i].failed()),
                                Float8GetDatum(static_cast<double>(seen.all[i].sum_ns) / 1e9),
                                datums_as_array(edges, kEdges, FLOAT8OID),
                                datums_as_array(below, kEdges, INT8OID)};
        bool const nulls[std::size(values)] = {};
        rows.put(values, nulls);
    }
    return rows.finish();
}

// white_cross.slow_calls() → (ended_at, function, ms, sqlstate, trace_id), the latest first
WC_FUNCTION(wc_slow_calls)
{
    ResultRows rows(fcinfo);
    Counts *const counts = current_counts();
    if (counts == nullptr)
        return rows.finish();
    LWLockAcquire(counts->lock, LW_SHARED);
    std::uint64_t const first = std::max(counts->first_slow_call, counts->slow_calls.oldest());
    LWLockRelease(counts->lock);
    for (std::uint64_t number = counts->slow_calls.next(); number > first; --number) {
        SlowCall call;
        using Ring = decltype(counts->slow_calls);
        if (counts->slow_calls.get(number - 1, call) != Ring::Found::Yes)
            continue;
        bool const has_trace = (call.trace.high | call.trace.low) != 0;
        bool const nulls[] = {false, false, false, call.sqlstate == 0, !has_trace};
        Datum const values[] = {TimestampTzGetDatum(call.ended_at), text_of(kFunctions[call.function].name),
                                milliseconds(static_cast<double>(call.nanoseconds)),
                                text_of(unpack_sql_state(static_cast<int>(call.sqlstate))), hex_of(call.trace)};
        rows.put(values, nulls);
    }
    return rows.finish();
}

// white_cross.take_spans(most integer) → (trace_id, parent_id, span_id, function, began_unix_ns, ended_unix_ns,
// busy_ns, sqlstate, lost_before)
WC_FUNCTION(wc_take_spans)
{
    ResultRows rows(fcinfo);
    std::int64_t most = PG_GETARG_INT32(0);
    if (most < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"most\" must not be negative")));
    Counts *const counts = current_counts();
    if (counts == nullptr || most == 0)
        return rows.finish();
    most = std::min<std::int64_t>(most, kSpans);
    auto *const taken = static_cast<Span *>(palloc(sizeof(Span) * static_cast<Size>(most)));
    auto *const lost = static_cast<std::uint64_t *>(palloc0(sizeof(std::uint64_t) * static_cast<Size>(most)));
    std::int64_t count = 0;
    LWLockAcquire(counts->lock, LW_EXCLUSIVE);
    std::uint64_t const end = counts->spans.next();
    std::uint64_t const oldest = counts->spans.oldest();
    std::uint64_t missed = 0;
    std::uint64_t number = counts->next_span;
    if (number < oldest) {
        missed = oldest - number;
        number = oldest;
    }
    for (; number < end && count < most; ++number) {
        using Ring = decltype(counts->spans);
        Ring::Found const found = counts->spans.get(number, taken[count]);
        // The span is being written: take it the next time.  A span that many later ones have followed was lost.
        if (found == Ring::Found::NotYet && end - number < kSpans / 2)
            break;
        if (found != Ring::Found::Yes) {
            ++missed;
            continue;
        }
        lost[count++] = missed;
        missed = 0;
    }
    // If no span is returned now, the number of lost ones is returned with a later span.
    counts->next_span = number - missed;
    LWLockRelease(counts->lock);
    for (std::int64_t i = 0; i < count; ++i) {
        const Span &span = taken[i];
        bool const nulls[] = {false, false, false, false, false, false, false, span.sqlstate == 0, false};
        Datum const values[] = {hex_of(span.trace),
                                hex_of(span.parent),
                                hex_of(span.id),
                                text_of(kFunctions[span.function].name),
                                Int64GetDatum(span.began_unix_ns),
                                Int64GetDatum(span.ended_unix_ns),
                                number_of_calls(span.nanoseconds),
                                text_of(unpack_sql_state(static_cast<int>(span.sqlstate))),
                                number_of_calls(lost[i])};
        rows.put(values, nulls);
    }
    return rows.finish();
}

// wc_stat_reset() → void
WC_FUNCTION(wc_stat_reset)
{
    if (Counts *const counts = current_counts()) {
        LWLockAcquire(counts->lock, LW_EXCLUSIVE);
        begin_anew(*counts);
        LWLockRelease(counts->lock);
    }
    PG_RETURN_VOID();
}
