#include "extension/binding/inheritance.hpp"

#include "extension/binding/mapping.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/fmgroids.h"
}

namespace wc {
namespace {

bool is_attached_as(Entity entity, Oid relation)
{
    BindingRow row;
    Oid schema = InvalidOid;
    Oid table = InvalidOid;
    return read_binding(entity, row) && find_table(row, schema, table) && table == relation;
}

bool find_attached(Oid relation, Entity &entity)
{
    for (int i = 0; i < kEntities; ++i) {
        entity = static_cast<Entity>(i);
        if (is_attached_as(entity, relation))
            return true;
    }
    return false;
}

List *append_parents(List *line, Relation inherits, Oid child)
{
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(child));
    SysScanDesc const scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
    for (HeapTuple tuple = systable_getnext(scan); tuple != nullptr; tuple = systable_getnext(scan))
        line = list_append_unique_oid(line, reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhparent);
    systable_endscan(scan);
    return line;
}

}  // namespace

bool find_entity_of(Oid relation, Entity &entity)
{
    Relation const inherits = table_open(InheritsRelationId, AccessShareLock);
    List *line = list_make1_oid(relation);
    bool found = false;
    for (int i = 0; i < list_length(line) && !found; ++i) {
        Oid const one = list_nth_oid(line, i);
        found = find_attached(one, entity);
        line = append_parents(line, inherits, one);
    }
    list_free(line);
    table_close(inherits, AccessShareLock);
    return found;
}

List *with_descendants(Oid table)
{
    return has_subclass(table) ? find_all_inheritors(table, NoLock, nullptr) : list_make1_oid(table);
}

bool has_rows_of_its_own(Oid table)
{
    if (!has_subclass(table))
        return false;
    bool found = false;
    List *const all = with_descendants(table);
    ListCell *cell = nullptr;
    foreach (cell, all) {
        Oid const one = lfirst_oid(cell);
        found = found || get_rel_relkind(one) == RELKIND_FOREIGN_TABLE || isTempNamespace(get_rel_namespace(one));
    }
    list_free(all);
    return found;
}

}  // namespace wc
