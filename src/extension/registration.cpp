#include "extension/registration.hpp"

#include "core/changes/queue.hpp"
#include "extension/boundary.hpp"
#include "extension/internal_tables.hpp"
#include "extension/relay.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace wc {
namespace {

// What was found last, until word comes that white_cross.worker has changed: a trigger on it sends that to all
// sessions, as word of a changed definition, before the transaction lets go of its locks.
enum class Known { Nothing, None, Some };
Known known = Known::Nothing;
Oid looked_at = InvalidOid;
std::uint64_t forgotten = 0;

void on_relation_changed(Datum, Oid relation)
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

// Taking the lock brings all word of changes up to this moment, even that the table is gone.
Oid lock_worker_table()
{
    for (;;) {
        Oid const id = worker_table();
        if (!OidIsValid(id))
            return InvalidOid;
        LockRelationOid(id, AccessShareLock);
        if (worker_table() == id)
            return id;
        UnlockRelationOid(id, AccessShareLock);
    }
}

}  // namespace

bool has_worker()
{
    Oid const id = lock_worker_table();
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

void lapse_registrations()
{
    Relation const workers = table_open(worker_table(), RowExclusiveLock);
    SysScanDesc const scan = systable_beginscan(workers, InvalidOid, false, nullptr, 0, nullptr);
    while (HeapTuple const worker = systable_getnext(scan)) {
        TM_FailureData failure;
        heap_delete(workers, &worker->t_self, GetCurrentCommandId(true), InvalidSnapshot, false, &failure, false);
    }
    systable_endscan(scan);
    CacheInvalidateRelcache(workers);
    table_close(workers, NoLock);
}

void watch_registrations() { CacheRegisterRelcacheCallback(on_relation_changed, Datum{0}); }

}  // namespace wc

using namespace wc;

// white_cross.begin_drain()
WC_FUNCTION(wc_begin_drain)
{
    relay::begin_drain();
    if (!has_worker())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("no worker is registered: changes are not queued"),
                        errhint("Register with white_cross.register_worker.")));
    PG_RETURN_VOID();
}
