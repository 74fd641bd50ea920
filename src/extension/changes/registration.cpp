#include "extension/changes/registration.hpp"

#include "core/protocol/queue.hpp"
#include "extension/binding/internal_tables.hpp"
#include "extension/changes/relay.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/catalog_watch.hpp"

extern "C" {
#include "storage/procarray.h"
}

namespace wc {
namespace {

// The last lookup in white_cross.worker, cached until the table changes: its trigger sends a relcache invalidation to
// all sessions before the transaction releases its locks.
enum class Known { Nothing, None, Some };
Known known = Known::Nothing;
Oid looked_at = InvalidOid;
std::uint64_t forgotten = 0;

void on_relation_changed(Oid relation)
{
    if (!OidIsValid(relation) || relation == looked_at) {
        known = Known::Nothing;
        ++forgotten;
    }
}

bool is_anybody_in(Relation workers)
{
    SysScanDesc const scan = systable_beginscan(workers, InvalidOid, false, nullptr, 0, nullptr);
    bool const found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    return found;
}

// A worker keeps up if its latest report is not overdue and says that no row has waited for longer than this, in
// seconds.
constexpr double kLongWait = 60;
constexpr int kVerdictMilliseconds = 1000;

template <class Convert>
auto column(Relation relation, HeapTuple row, const char *name, Convert convert)
{
    bool is_null = false;
    Datum const value =
        heap_getattr(row, get_attnum(RelationGetRelid(relation), name), RelationGetDescr(relation), &is_null);
    return convert(value);
}

bool has_worker_that_keeps_up(Relation reports, TimestampTz now)
{
    SysScanDesc const scan = systable_beginscan(reports, InvalidOid, false, nullptr, 0, nullptr);
    bool found = false;
    while (HeapTuple const report = found ? nullptr : systable_getnext(scan)) {
        // Ignore the report of a session that has ended.
        if (column(reports, report, "has_session", [](Datum value) { return DatumGetBool(value); }) &&
            BackendPidGetProc(column(reports, report, "pid", [](Datum value) { return DatumGetInt32(value); })) ==
                nullptr)
            continue;
        found =
            column(reports, report, "draining", [](Datum value) { return DatumGetBool(value); }) &&
            column(reports, report, "due_at", [](Datum value) { return DatumGetTimestampTz(value); }) > now &&
            column(reports, report, "oldest_seconds", [](Datum value) { return DatumGetFloat8(value); }) < kLongWait;
    }
    systable_endscan(scan);
    return found;
}

bool find_worker(LOCKMODE mode)
{
    Oid const id = lock_internal_table(worker_table, mode);
    if (!OidIsValid(id))
        return false;
    if (known == Known::Nothing || looked_at != id) {
        looked_at = id;
        std::uint64_t const before = forgotten;
        Relation const workers = table_open(id, NoLock);
        bool const found = is_anybody_in(workers);
        table_close(workers, NoLock);
        if (before != forgotten)
            return found;
        known = found ? Known::Some : Known::None;
    }
    return known == Known::Some;
}

}  // namespace

bool has_worker() { return find_worker(RowShareLock); }

bool has_worker_now()
{
    // Locking accepts no invalidations if the transaction holds the lock already, so accept them here.
    AcceptInvalidationMessages();
    return find_worker(AccessShareLock);
}

bool is_kept_up()
{
    static TimestampTz judged_at = 0;
    static bool verdict = false;
    TimestampTz const now = GetCurrentTimestamp();
    // Cache the verdict for a while, because every write asks while the queue is long.
    if (judged_at != 0 && !TimestampDifferenceExceeds(judged_at, now, kVerdictMilliseconds))
        return verdict;
    verdict = false;
    Oid const id = report_table();
    if (!OidIsValid(id))
        return false;
    Relation const reports = table_open(id, AccessShareLock);
    verdict = has_worker_that_keeps_up(reports, now);
    table_close(reports, AccessShareLock);
    judged_at = now;
    return verdict;
}

void lapse_registrations()
{
    Relation const workers = table_open(worker_table(), RowExclusiveLock);
    SysScanDesc const scan = systable_beginscan(workers, InvalidOid, false, nullptr, 0, nullptr);
    while (HeapTuple const worker = systable_getnext(scan))
        pg::delete_row(workers, &worker->t_self, GetCurrentCommandId(true), InvalidSnapshot, false);
    systable_endscan(scan);
    CacheInvalidateRelcache(workers);
    table_close(workers, NoLock);
}

void begin_drain()
{
    relay::begin_drain();
    if (!has_worker())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("no worker is registered: changes are not queued"),
                        errhint("Register with white_cross.register_worker.")));
}

void watch_registrations() { watch_relations(on_relation_changed); }

}  // namespace wc

using namespace wc;

// white_cross.begin_drain()
WC_FUNCTION(wc_begin_drain)
{
    begin_drain();
    PG_RETURN_VOID();
}
