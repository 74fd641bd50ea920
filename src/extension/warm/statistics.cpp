// Counts of the summary cache since the server's start, over all databases.  They contain no ids of students.
#include "core/json/writer.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_value.hpp"
#include "extension/warm/memory.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace wc::warm {
namespace {

struct Statistics {
    std::uint64_t hits;
    std::uint64_t misses;
    std::uint64_t outdated;
    std::uint64_t refused;
    std::uint64_t bypassed[kBypasses];
    std::uint64_t fills;
    std::uint64_t evictions;
    std::uint64_t entries;
    std::uint64_t bytes;
};

std::uint64_t count_of(const std::atomic<std::uint64_t> &count) { return count.load(std::memory_order_relaxed); }

void add_shelf(Statistics &to, Shelf &one)
{
    to.hits += count_of(one.hits);
    to.misses += count_of(one.misses);
    to.outdated += count_of(one.outdated);
    to.fills += count_of(one.fills);
    LWLockAcquire(&one.lock, LW_SHARED);
    to.evictions += one.state.evictions;
    to.entries += one.state.entries;
    to.bytes += one.state.ring.used;
    LWLockRelease(&one.lock);
}

Statistics sum_up()
{
    Statistics all{};
    if (!is_available())
        return all;
    for (int i = 0; i < shelf_count(); ++i)
        add_shelf(all, shelf(i));
    for (int i = 0; i < kTallies; ++i) {
        all.refused += count_of(tally(i).refused);
        for (int reason = 0; reason < kBypasses; ++reason)
            all.bypassed[reason] += count_of(tally(i).bypassed[reason]);
    }
    return all;
}

// Whether a prepared transaction from before the server's start is still open, so that the cache serves nobody.
bool is_floor_blocked()
{
    return is_available() && !RecoveryInProgress() && is_floor_known() &&
           widen(GetActiveSnapshot()->xmin, next_xid()) < floor_xid();
}

Datum reasons_of(const Statistics &all)
{
    json::Buffer out = make_buffer();
    out.append('{');
    for (int i = 0; i < kBypasses; ++i) {
        if (i != 0)
            out.append(',');
        json::write_string(out, kBypassNames[i]);
        out.append(':');
        json::write_integer(out, static_cast<std::int64_t>(all.bypassed[i]));
    }
    out.append('}');
    return finish_text(out);
}

}  // namespace
}  // namespace wc::warm

using namespace wc;

// white_cross.cache_statistics(OUT hits, misses, outdated, refused, bypassed, bypassed_by_reason, fills, evictions,
//                              entries, bytes, memory, floor_blocked)
WC_FUNCTION(wc_cache_statistics)
{
    TupleDesc shape = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &shape) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    warm::Statistics const all = warm::sum_up();
    std::uint64_t bypassed = 0;
    for (std::uint64_t const of_one : all.bypassed)
        bypassed += of_one;
    Datum const values[] = {UInt64GetDatum(all.hits),
                            UInt64GetDatum(all.misses),
                            UInt64GetDatum(all.outdated),
                            UInt64GetDatum(all.refused),
                            UInt64GetDatum(bypassed),
                            warm::reasons_of(all),
                            UInt64GetDatum(all.fills),
                            UInt64GetDatum(all.evictions),
                            UInt64GetDatum(all.entries),
                            UInt64GetDatum(all.bytes),
                            UInt64GetDatum(warm::is_available() ? warm::memory_for_entries() : 0),
                            BoolGetDatum(warm::is_floor_blocked())};
    bool const nulls[lengthof(values)] = {};
    return HeapTupleGetDatum(
        heap_form_tuple(BlessTupleDesc(shape), const_cast<Datum *>(values), const_cast<bool *>(nulls)));
}
