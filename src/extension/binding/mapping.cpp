#include "extension/binding/mapping.hpp"

namespace wc {
namespace {

// Attribute numbers of white_cross.binding.
enum { kEntityColumn = 1, kSchemaColumn, kTableColumn, kColumnsColumn };

Oid binding_relation = InvalidOid;  // InvalidOid until it is looked up

Oid find_binding_relation()
{
    Oid const schema = get_namespace_oid("white_cross", true);
    return OidIsValid(schema) ? get_relname_relid("binding", schema) : InvalidOid;
}

// Returns null if the table does not exist; it may be dropped between the lookup of its name and the lock.
Relation open_binding_relation()
{
    for (;;) {
        Oid const id = find_binding_relation();
        if (!OidIsValid(id))
            return nullptr;
        binding_relation = id;
        Relation const relation = try_relation_open(id, AccessShareLock);
        if (relation != nullptr)
            return relation;
    }
}

}  // namespace

bool is_binding_relation(Oid relation) { return relation == binding_relation; }

// Reads white_cross.binding as a catalog is read: with a catalog snapshot, which also works in a parallel worker and on
// a standby, and without a check of the caller's privileges.
bool read_binding(Entity entity, BindingRow &row)
{
    Relation const relation = open_binding_relation();
    if (relation == nullptr)
        return false;
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

bool find_table(const BindingRow &row, Oid &schema, Oid &relation)
{
    schema = get_namespace_oid(NameStr(row.schema_name), true);
    relation = OidIsValid(schema) ? get_relname_relid(NameStr(row.table_name), schema) : InvalidOid;
    return OidIsValid(relation);
}

bool bound_column_name(Entity entity, int attribute, NameData &name)
{
    BindingRow row;
    return read_binding(entity, row) && column_name(row, attributes(entity).names[attribute], name);
}

bool find_student_id(Oid &students, ColumnType &id)
{
    BindingRow row;
    Oid schema = InvalidOid;
    NameData name;
    if (!read_binding(Entity::Students, row) || !find_table(row, schema, students) ||
        !column_name(row, attributes(Entity::Students).names[student::Id], name))
        return false;
    HeapTuple const tuple = SearchSysCacheAttName(students, NameStr(name));
    if (!HeapTupleIsValid(tuple))
        return false;
    auto const *const attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
    id = {attribute->atttypid, attribute->attcollation};
    ReleaseSysCache(tuple);
    return true;
}

}  // namespace wc
