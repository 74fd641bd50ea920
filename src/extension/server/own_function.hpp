// Finds the extension's own functions, without a search path and whatever the privileges of the role that runs.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "catalog/pg_proc.h"
}

namespace wc {

/// Returns the function of exactly these argument types in a schema, or InvalidOid.
inline Oid find_function(Oid schema, const char *name, const Oid *types, int count)
{
    oidvector *const signature = buildoidvector(types, count);
    return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(signature),
                           ObjectIdGetDatum(schema));
}

/// The same in the schema white_cross.  Reports an error if there is none.
inline Oid own_function(const char *name, const Oid *types, int count)
{
    Oid const schema = get_namespace_oid("white_cross", true);
    Oid const function = OidIsValid(schema) ? find_function(schema, name, types, count) : InvalidOid;
    if (!OidIsValid(function))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("function white_cross.%s does not exist", name),
                        errhint("Run ALTER EXTENSION white_cross UPDATE.")));
    return function;
}

}  // namespace wc
