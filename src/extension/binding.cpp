#include "extension/binding.hpp"

#include "extension/boundary.hpp"

namespace wc {
namespace {

// Columns of white_cross.binding.
enum { kEntityColumn = 1, kSchemaColumn, kTableColumn, kColumnsColumn };

BoundTable tables[kEntities];
bool resolved[kEntities];
std::uint64_t changes = 0;  // how often something had to be forgotten
std::uint64_t versions = 0;
Oid binding_relation = InvalidOid;  // known once a table was resolved

void forget_all() noexcept
{
    ++changes;
    for (bool &known : resolved)
        known = false;
}

void on_relation_changed(Datum, Oid relation)
{
    if (!OidIsValid(relation) || relation == binding_relation) {
        forget_all();
        return;
    }
    for (int i = 0; i < kEntities; ++i) {
        if (tables[i].relation == relation) {
            ++changes;
            resolved[i] = false;
        }
    }
}

void on_schema_changed(Datum, int, uint32) { forget_all(); }

Oid find_binding_relation()
{
    Oid const schema = get_namespace_oid("white_cross", true);
    return OidIsValid(schema) ? get_relname_relid("binding", schema) : InvalidOid;
}

// A row of white_cross.binding, copied into the current memory context.
struct BindingRow {
    NameData schema_name;
    NameData table_name;
    Jsonb *columns;
};

// The caller may not select from white_cross.binding, and need not: like a catalog it is read with a
// catalog snapshot, which also works in a parallel worker and on a standby.
bool read_binding(Entity entity, BindingRow &row)
{
    Oid const relation_id = find_binding_relation();
    if (!OidIsValid(relation_id))
        return false;
    binding_relation = relation_id;
    Relation const relation = table_open(relation_id, AccessShareLock);
    TupleDesc const shape = RelationGetDescr(relation);
    SysScanDesc const scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
    const char *const wanted = kEntityNames[static_cast<int>(entity)];
    bool found = false;
    for (HeapTuple tuple = systable_getnext(scan); tuple != nullptr && !found; tuple = systable_getnext(scan)) {
        bool is_null = false;
        char *const name = TextDatumGetCString(heap_getattr(tuple, kEntityColumn, shape, &is_null));
        if (strcmp(name, wanted) != 0)
            continue;
        row.schema_name = *DatumGetName(heap_getattr(tuple, kSchemaColumn, shape, &is_null));
        row.table_name = *DatumGetName(heap_getattr(tuple, kTableColumn, shape, &is_null));
        row.columns = DatumGetJsonbPCopy(heap_getattr(tuple, kColumnsColumn, shape, &is_null));
        found = true;
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return found;
}

bool column_name(const BindingRow &row, const char *attribute, NameData &name)
{
    JsonbValue value;
    if (getKeyJsonValueFromContainer(&row.columns->root, attribute, static_cast<int>(strlen(attribute)), &value) ==
            nullptr ||
        value.type != jbvString)
        return false;
    if (value.val.string.len >= NAMEDATALEN)
        return false;
    memset(NameStr(name), 0, NAMEDATALEN);
    memcpy(NameStr(name), value.val.string.val, static_cast<size_t>(value.val.string.len));
    return true;
}

[[noreturn]] void report_not_attached()
{
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("white_cross is not attached to any tables"),
             errhint("Run SELECT wc_attach('public'), with the schema of the application's tables.")));
    pg_unreachable();
}

[[noreturn]] void report_table_gone(Entity entity, const BindingRow &row)
{
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("table \"%s.%s\", attached as %s, does not exist", NameStr(row.schema_name),
                           NameStr(row.table_name), kEntityNames[static_cast<int>(entity)]),
                    errhint("Create it again, or run wc_detach and wc_attach for the tables that are there now.")));
    pg_unreachable();
}

[[noreturn]] void report_column_gone(Entity entity, const BindingRow &row, const char *attribute, const char *column)
{
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of table \"%s.%s\", attached as attribute \"%s\" of %s, does not exist",
                           column, NameStr(row.schema_name), NameStr(row.table_name), attribute,
                           kEntityNames[static_cast<int>(entity)]),
                    errhint("Run wc_attach again; its argument \"overrides\" names columns that have other names.")));
    pg_unreachable();
}

void resolve_columns(Entity entity, const BindingRow &row, BoundTable &table)
{
    AttributeList const list = attributes(entity);
    table.last_number = 0;
    for (int i = 0; i < list.count; ++i) {
        BoundColumn &column = table.columns[i];
        HeapTuple tuple = nullptr;
        if (column_name(row, list.names[i], column.name))
            tuple = SearchSysCacheAttName(table.relation, NameStr(column.name));
        else
            strlcpy(NameStr(column.name), list.names[i], NAMEDATALEN);
        if (!HeapTupleIsValid(tuple)) {
            if (i < needed_attributes(entity))
                report_column_gone(entity, row, list.names[i], NameStr(column.name));
            column.number = InvalidAttrNumber;
            column.type = InvalidOid;
            continue;
        }
        auto const *attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
        column.number = attribute->attnum;
        column.type = attribute->atttypid;
        column.collation = attribute->attcollation;
        column.length = attribute->attlen;
        column.alignment = attribute->attalign;
        column.by_value = attribute->attbyval;
        column.not_null = attribute->attnotnull;
        ReleaseSysCache(tuple);
        if (column.number > table.last_number)
            table.last_number = column.number;
    }
}

void resolve(Entity entity)
{
    BoundTable &table = tables[static_cast<int>(entity)];
    std::uint64_t before = 0;
    // Looking things up may itself bring word of changes: then once more.
    do {
        before = changes;
        BindingRow row;
        if (!read_binding(entity, row))
            report_not_attached();
        table.schema_name = row.schema_name;
        table.table_name = row.table_name;
        table.schema = get_namespace_oid(NameStr(row.schema_name), true);
        table.relation =
            OidIsValid(table.schema) ? get_relname_relid(NameStr(row.table_name), table.schema) : InvalidOid;
        if (!OidIsValid(table.relation))
            report_table_gone(entity, row);
        resolve_columns(entity, row, table);
        table.version = ++versions;
        pfree(row.columns);
    } while (changes != before);
    resolved[static_cast<int>(entity)] = true;
}

}  // namespace

const BoundTable &bound_table(Entity entity)
{
    int const i = static_cast<int>(entity);
    if (!resolved[i])
        resolve(entity);
    return tables[i];
}

OpenTable open_bound_table(Entity entity)
{
    int const i = static_cast<int>(entity);
    for (;;) {
        Oid const relation_id = bound_table(entity).relation;
        // Waits for whoever alters the table, and then hears of it; it may even be gone.
        Relation const relation = try_relation_open(relation_id, AccessShareLock);
        if (relation != nullptr && resolved[i])
            return {&tables[i], relation};
        if (relation != nullptr)
            relation_close(relation, AccessShareLock);
        else
            resolved[i] = false;
    }
}

const BoundTable &lock_bound_table(Entity entity)
{
    OpenTable const table = open_bound_table(entity);
    relation_close(table.relation, NoLock);
    return *table.bound;
}

const BoundTable &lock_whole_table(Entity entity)
{
    const BoundTable &table = lock_bound_table(entity);
    AttributeList const list = attributes(entity);
    for (int i = 0; i < list.count; ++i) {
        BindingRow row;
        if (table.columns[i].number == InvalidAttrNumber && read_binding(entity, row))
            report_column_gone(entity, row, list.names[i], NameStr(table.columns[i].name));
    }
    return table;
}

bool is_attached()
{
    BindingRow row;
    return read_binding(Entity::Students, row);
}

bool bound_column_name(Entity entity, int attribute, NameData &name)
{
    BindingRow row;
    return read_binding(entity, row) && column_name(row, attributes(entity).names[attribute], name);
}

void watch_bindings()
{
    CacheRegisterRelcacheCallback(on_relation_changed, Datum{0});
    CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_changed, Datum{0});
}

}  // namespace wc

// AFTER trigger on white_cross.binding and white_cross.worker: sessions keep what they read there, so a
// change is announced the way a change of a table's definition is, to all of them at commit.
WC_FUNCTION(wc_announce_change)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("must be called as a trigger")));
    auto const *const call = reinterpret_cast<TriggerData *>(fcinfo->context);
    CacheInvalidateRelcache(call->tg_relation);
    return PointerGetDatum(nullptr);
}
