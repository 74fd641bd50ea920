#include "extension/record_type.hpp"

extern "C" {
#include "catalog/pg_enum.h"
}

namespace wc {

bool find_record_type(const BoundColumn &column, const char *name, Datum &value)
{
    if (!type_is_enum(column.type)) {
        value = PointerGetDatum(cstring_to_text(name));
        return true;
    }
    HeapTuple const tuple = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(column.type), CStringGetDatum(name));
    if (!HeapTupleIsValid(tuple))
        return false;
    value = ObjectIdGetDatum(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->oid);
    ReleaseSysCache(tuple);
    return true;
}

}  // namespace wc
