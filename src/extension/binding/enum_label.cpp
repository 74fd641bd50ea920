#include "extension/binding/enum_label.hpp"

extern "C" {
#include "access/stratnum.h"
#include "catalog/pg_enum.h"
#include "utils/fmgroids.h"
}

namespace wc {
namespace {

// Looks a label up after accepting invalidations.  Adding a label does not wait for readers, so a session's cache may
// say that there is none of this name.  An entry that the cache does have is right, because renaming a label waits for
// all readers (follow_type in sql/install/ddl.sql).
Oid find_new_label(Oid type, const char *name)
{
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
    ScanKeyInit(&keys[1], Anum_pg_enum_enumlabel, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
    Relation const labels = table_open(EnumRelationId, AccessShareLock);
    SysScanDesc const scan = systable_beginscan(labels, EnumTypIdLabelIndexId, true, nullptr, 2, keys);
    HeapTuple const tuple = systable_getnext(scan);
    Oid const found = HeapTupleIsValid(tuple) ? reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->oid : InvalidOid;
    systable_endscan(scan);
    table_close(labels, AccessShareLock);
    return found;
}

}  // namespace

bool find_record_type(const BoundColumn &column, const char *name, Datum &value)
{
    if (!type_is_enum(column.type)) {
        value = PointerGetDatum(cstring_to_text(name));
        return true;
    }
    HeapTuple const tuple = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(column.type), CStringGetDatum(name));
    if (!HeapTupleIsValid(tuple)) {
        Oid const label = find_new_label(column.type, name);
        value = ObjectIdGetDatum(label);
        return OidIsValid(label);
    }
    value = ObjectIdGetDatum(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->oid);
    ReleaseSysCache(tuple);
    return true;
}

char *label_text(Datum value, Oid type)
{
    if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID) {
        char *const label = TextDatumGetCString(value);
        // Remove the blanks that fill up a character(n), as its cast to text does.
        for (std::size_t length = strlen(label); type == BPCHAROID && length > 0 && label[length - 1] == ' '; --length)
            label[length - 1] = '\0';
        return label;
    }
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
}

void append_label_text(StringInfo query, const BoundTable &table, int attribute)
{
    const BoundColumn &column = table.columns[attribute];
    appendStringInfo(
        query, type_is_enum(column.type) ? "pg_catalog.textin(pg_catalog.enum_out(t.%s))" : "t.%s::pg_catalog.text",
        quote_identifier(NameStr(column.name)));
}

}  // namespace wc
