// DDL changes rows, or their meaning, without firing row triggers; and it creates tables that have no triggers yet. The
// event triggers here handle both.
//
// They run at every DDL command in the database, so they are in C, and call the functions of sql/install/ddl.sql only
// if the command concerns an attached table, a descendant of one, or a type of its columns.
#include <initializer_list>

#include "extension/binding/inheritance.hpp"
#include "extension/changes/changes.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/function_rows.hpp"
#include "extension/server/own_function.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
}

namespace wc {
namespace {

const EventTriggerData &event_of(FunctionCallInfo fcinfo)
{
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("must be called as an event trigger")));
    return *reinterpret_cast<const EventTriggerData *>(fcinfo->context);
}

// Finds a function in the schema of the running one.
Oid find_sibling(FunctionCallInfo fcinfo, const char *name, std::initializer_list<Oid> types)
{
    Oid const schema = get_func_namespace(fcinfo->flinfo->fn_oid);
    return find_function(schema, name, types.begin(), static_cast<int>(types.size()));
}

// ---- which relations and types a command concerns ----

bool has_our_trigger(Oid relation, Oid function)
{
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
    Relation const triggers = table_open(TriggerRelationId, AccessShareLock);
    SysScanDesc const scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, nullptr, 1, &key);
    bool found = false;
    for (HeapTuple tuple = systable_getnext(scan); tuple != nullptr && !found; tuple = systable_getnext(scan))
        found = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple))->tgfoid == function;
    systable_endscan(scan);
    table_close(triggers, AccessShareLock);
    return found;
}

// Whether a relation can be read as an attached table or a descendant of one.
bool may_be_read(Oid relation)
{
    char const kind = get_rel_relkind(relation);
    return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_FOREIGN_TABLE;
}

// Whether a relation is a temporary one that inherits from nothing.  Applications create many of them, and none is ever
// attached.
bool is_temporary_and_alone(Oid relation)
{
    return isTempNamespace(get_rel_namespace(relation)) && !has_superclass(relation);
}

// Whether the command itself says that it concerns no attached table, and no type of a column.
bool concerns_nothing(const Node *command)
{
    switch (nodeTag(command)) {
        case T_CreateStmt: {
            auto const *const create = reinterpret_cast<const CreateStmt *>(command);
            return create->relation->relpersistence == RELPERSISTENCE_TEMP && create->inhRelations == NIL;
        }
        case T_CreateTableAsStmt: {
            auto const *const create = reinterpret_cast<const CreateTableAsStmt *>(command);
            return create->into->rel->relpersistence == RELPERSISTENCE_TEMP;
        }
        case T_IndexStmt:
        case T_ViewStmt:
        case T_CreateFunctionStmt: return true;
        default: return false;
    }
}

bool renames_label(const Node *command)
{
    return IsA(command, AlterEnumStmt) && reinterpret_cast<const AlterEnumStmt *>(command)->oldVal != nullptr;
}

// Whether a command adds a label to an enum.  No row has the new label yet, the others keep their order, and a reader
// that meets an unknown label looks it up again (find_record_type).  So no cached value changes, and nobody must be
// waited for.
bool adds_label(const Node *command)
{
    return IsA(command, AlterEnumStmt) && reinterpret_cast<const AlterEnumStmt *>(command)->oldVal == nullptr;
}

// Whether a command may add tables below an attached one.  For other commands the triggers must not lock further
// tables: a parallel restore alters a partition and its parent at the same time.
bool may_bring_tables(const Node *command)
{
    if (!IsA(command, AlterTableStmt))
        return true;
    ListCell *cell = nullptr;
    foreach (cell, reinterpret_cast<const AlterTableStmt *>(command)->cmds) {
        AlterTableType const type = static_cast<const AlterTableCmd *>(lfirst(cell))->subtype;
        if (type == AT_AddInherit || type == AT_AttachPartition)
            return true;
    }
    return false;
}

// ---- what a command has done ----

struct Touched {
    bool is_stale;  // cached values may have changed
    bool is_read;   // the command concerns an attached table or a descendant of one
};

Touched look_at_commands(FunctionCallInfo fcinfo, const Node *command)
{
    Touched touched{};
    Oid const record_change = find_sibling(fcinfo, "record_change", {});
    FunctionRows rows(F_PG_EVENT_TRIGGER_DDL_COMMANDS);
    while (rows.next()) {
        bool is_null = false;
        Oid const catalog = DatumGetObjectId(rows.value(1, is_null));
        if (is_null)
            continue;
        Datum const object = rows.value(2, is_null);
        if (is_null)
            continue;
        Entity entity{};
        if (catalog == RelationRelationId && may_be_read(DatumGetObjectId(object))) {
            bool const is_read =
                !is_temporary_and_alone(DatumGetObjectId(object)) && find_entity_of(DatumGetObjectId(object), entity);
            touched.is_read |= is_read;
            // A renamed table is not attached any more, but still has its triggers.
            touched.is_stale |= is_read || has_our_trigger(DatumGetObjectId(object), record_change);
        } else if (catalog == NamespaceRelationId && IsA(command, RenameStmt)) {
            touched = {true, true};
        } else if (catalog == TypeRelationId && !IsA(command, CreateStmt)) {
            Oid const follow_type = find_sibling(fcinfo, "follow_type", {OIDOID, BOOLOID});
            touched.is_stale |=
                OidIsValid(follow_type) &&
                DatumGetBool(OidFunctionCall2(follow_type, object, BoolGetDatum(renames_label(command))));
        }
    }
    rows.close();
    return touched;
}

// A column of pg_event_trigger_dropped_objects(); of a trigger it has schema, table and name.
constexpr int kAddressNames = 11;

bool is_change_trigger(ArrayType *address)
{
    Datum *names = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(address, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
    if (count < 3 || nulls[2])
        return false;
    const char *const name = TextDatumGetCString(names[2]);
    return strcmp(name, kChangeTrigger) == 0 || strcmp(name, kTruncateTrigger) == 0;
}

bool look_at_dropped()
{
    bool is_stale = false;
    FunctionRows rows(F_PG_EVENT_TRIGGER_DROPPED_OBJECTS);
    while (!is_stale && rows.next()) {
        bool is_null = false;
        Oid const catalog = DatumGetObjectId(rows.value(1, is_null));
        Oid const object = DatumGetObjectId(rows.value(2, is_null));
        bool const is_column = DatumGetInt32(rows.value(3, is_null)) != 0;
        Entity entity{};
        if (catalog == RelationRelationId && is_column) {
            is_stale = find_entity_of(object, entity);
        } else if (catalog == TriggerRelationId) {
            // A dropped table cannot be examined any more, but its triggers are dropped with it: look for these.
            Datum const address = rows.value(kAddressNames, is_null);
            is_stale = !is_null && is_change_trigger(DatumGetArrayTypeP(address));
        }
    }
    rows.close();
    return is_stale;
}

// ---- what a command is going to do ----

// When a dump is restored, its CREATE TABLE makes follow_ddl() create our triggers.  Later the dump creates the same
// triggers: turn that CREATE TRIGGER into CREATE OR REPLACE.
void allow_for_what_is_there(FunctionCallInfo fcinfo, CreateTrigStmt &create)
{
    bool const is_named_so =
        strcmp(create.trigname, kChangeTrigger) == 0 || strcmp(create.trigname, kTruncateTrigger) == 0;
    if (!is_named_so || create.isconstraint)
        return;
    Oid const function = LookupFuncName(create.funcname, 0, nullptr, true);
    if (OidIsValid(function) && function == find_sibling(fcinfo, "record_change", {}))
        create.replace = true;
}

// DETACH PARTITION ... CONCURRENTLY commits twice.  After the first commit readers do not see the rows any more;
// ddl_command_end comes with the second one, or never, if the command is interrupted.  So queue the change now.
void expect_detachment(const AlterTableStmt &alter, const PartitionCmd &detach)
{
    Oid const table = RangeVarGetRelid(alter.relation, NoLock, true);
    Entity entity{};
    if (detach.concurrent && OidIsValid(table) && find_entity_of(table, entity))
        mark_everything(cache::kAllSections);
}

// A table that was attached itself, and becomes a partition now, has a row trigger with the name of its parent's, and
// PostgreSQL refuses to clone the parent's: drop the table's own.  Check the caller's rights first, because a role that
// may not attach the table must not be able to lock it.
void expect_partition(FunctionCallInfo fcinfo, const AlterTableStmt &alter, const PartitionCmd &attach)
{
    Oid const table = RangeVarGetRelid(alter.relation, NoLock, true);
    Oid const partition = RangeVarGetRelid(attach.name, NoLock, true);
    Oid const record_change = find_sibling(fcinfo, "record_change", {});
    Oid const make_way = find_sibling(fcinfo, "make_way", {OIDOID});
    if (!OidIsValid(table) || !OidIsValid(partition) || !pg::owns_table(table, GetUserId()) ||
        !pg::owns_table(partition, GetUserId()))
        return;
    if (OidIsValid(make_way) && has_our_trigger(table, record_change) && has_our_trigger(partition, record_change))
        OidFunctionCall1(make_way, ObjectIdGetDatum(partition));
}

void expect_alteration(FunctionCallInfo fcinfo, const AlterTableStmt &alter)
{
    ListCell *cell = nullptr;
    foreach (cell, alter.cmds) {
        auto const *const command = static_cast<const AlterTableCmd *>(lfirst(cell));
        if (command->subtype == AT_DetachPartition)
            expect_detachment(alter, *reinterpret_cast<const PartitionCmd *>(command->def));
        // ALTER INDEX … ATTACH PARTITION has the same subtype.
        if (command->subtype == AT_AttachPartition && alter.objtype == OBJECT_TABLE)
            expect_partition(fcinfo, alter, *reinterpret_cast<const PartitionCmd *>(command->def));
    }
}

}  // namespace
}  // namespace wc

using namespace wc;

// Event trigger at ddl_command_start
WC_FUNCTION(wc_expect_ddl)
{
    Node *const command = event_of(fcinfo).parsetree;
    if (IsA(command, CreateTrigStmt))
        allow_for_what_is_there(fcinfo, *reinterpret_cast<CreateTrigStmt *>(command));
    else if (IsA(command, AlterTableStmt))
        expect_alteration(fcinfo, *reinterpret_cast<const AlterTableStmt *>(command));
    return Datum{0};
}

// Event trigger at ddl_command_end
WC_FUNCTION(wc_follow_ddl)
{
    const Node *const command = event_of(fcinfo).parsetree;
    if (concerns_nothing(command) || adds_label(command))
        return Datum{0};
    Touched const touched = look_at_commands(fcinfo, command);
    if (touched.is_read) {
        const char *const name = may_bring_tables(command) ? "watch_attached" : "remember_attached";
        Oid const function = find_sibling(fcinfo, name, {});
        if (OidIsValid(function))
            OidFunctionCall0(function);
    }
    if (touched.is_stale)
        mark_everything(cache::kAllSections);
    return Datum{0};
}

// Event trigger at sql_drop
WC_FUNCTION(wc_follow_drop)
{
    event_of(fcinfo);
    if (look_at_dropped())
        mark_everything(cache::kAllSections);
    return Datum{0};
}
