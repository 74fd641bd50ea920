// Creates, enables and drops the extension's triggers on the application's tables.
//
// It takes tables by OID and runs no statements: a statement names its table, and when it runs, another table may have
// that name.  A trigger is created with the rights of the table's owner.
#include "core/protocol/section.hpp"
#include "extension/changes/changes.hpp"
#include "extension/server/caller.hpp"
#include "extension/server/own_function.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
}

namespace wc {
namespace {

struct Shape {
    const char *trigger;
    const char *function;
    bool is_for_each_row;
    int16 timing;
    int16 events;
};

constexpr Shape kShapes[] = {
    {kChangeTrigger, "record_change", true, TRIGGER_TYPE_AFTER,
     TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE},
    {kTruncateTrigger, "record_change", false, TRIGGER_TYPE_AFTER, TRIGGER_TYPE_TRUNCATE},
    {kBmiTrigger, "compute_bmi", true, TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE},
};

const Shape &shape_of(const char *trigger)
{
    for (const Shape &shape : kShapes) {
        if (strcmp(shape.trigger, trigger) == 0)
            return shape;
    }
    elog(ERROR, "the extension has no trigger \"%s\"", trigger);
    pg_unreachable();
}

Oid lock_and_find_owner(Oid table)
{
    Relation const relation = table_open(table, ShareRowExclusiveLock);
    Oid const owner = relation->rd_rel->relowner;
    table_close(relation, NoLock);
    return owner;
}

// Does what ALTER TRIGGER … DEPENDS ON EXTENSION does: DROP EXTENSION will drop the trigger too.
void depend_on_extension(const ObjectAddress &trigger)
{
    ObjectAddress extension{};
    ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("white_cross", false));
    recordDependencyOn(&trigger, &extension, DEPENDENCY_AUTO_EXTENSION);
}

void create(Oid table, const Shape &shape, char *entity)
{
    Oid const function = own_function(shape.function, nullptr, 0);
    as_role(lock_and_find_owner(table), [&] {
        auto *const statement = makeNode(CreateTrigStmt);
        statement->trigname = pstrdup(shape.trigger);
        statement->args = list_make1(makeString(entity));
        statement->row = shape.is_for_each_row;
        statement->timing = shape.timing;
        statement->events = shape.events;
        depend_on_extension(CreateTrigger(statement, "", table, InvalidOid, InvalidOid, InvalidOid, function,
                                          InvalidOid, nullptr, false, false));
    });
}

// Does what ALTER TABLE ONLY … ENABLE ALWAYS TRIGGER does.
void enable_always(Oid table, const char *trigger)
{
    LockRelationOid(table, ShareRowExclusiveLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
    ScanKeyInit(&keys[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(trigger));
    Relation const triggers = table_open(TriggerRelationId, RowExclusiveLock);
    SysScanDesc const scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, nullptr, 2, keys);
    HeapTuple const found = systable_getnext(scan);
    if (HeapTupleIsValid(found)) {
        HeapTuple const changed = heap_copytuple(found);
        reinterpret_cast<Form_pg_trigger>(GETSTRUCT(changed))->tgenabled = TRIGGER_FIRES_ALWAYS;
        CatalogTupleUpdate(triggers, &changed->t_self, changed);
        CacheInvalidateRelcacheByRelid(table);
    }
    systable_endscan(scan);
    table_close(triggers, RowExclusiveLock);
}

void drop(Oid table, const char *trigger)
{
    LockRelationOid(table, AccessExclusiveLock);
    Oid const found = get_trigger_oid(table, trigger, true);
    if (!OidIsValid(found))
        return;
    ObjectAddress address{};
    ObjectAddressSet(address, TriggerRelationId, found);
    performDeletion(&address, DROP_RESTRICT, 0);
}

// PostgreSQL calls no event trigger for the work of this file, so mark every student here.
void end_with_stale_cache()
{
    CommandCounterIncrement();
    mark_everything(cache::kAllSections);
}

}  // namespace
}  // namespace wc

using namespace wc;

// white_cross.create_trigger(relation oid, trigger name, entity text)
WC_FUNCTION(wc_create_trigger)
{
    require_superuser();
    create(PG_GETARG_OID(0), shape_of(NameStr(*PG_GETARG_NAME(1))), text_to_cstring(PG_GETARG_TEXT_PP(2)));
    end_with_stale_cache();
    PG_RETURN_VOID();
}

// white_cross.enable_trigger(relation oid, trigger name)
WC_FUNCTION(wc_enable_trigger)
{
    require_superuser();
    enable_always(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
    end_with_stale_cache();
    PG_RETURN_VOID();
}

// white_cross.drop_trigger(relation oid, trigger name)
WC_FUNCTION(wc_drop_trigger)
{
    require_superuser();
    drop(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
    end_with_stale_cache();
    PG_RETURN_VOID();
}
