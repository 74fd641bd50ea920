#include "extension/value/json_result.hpp"

namespace wc {
namespace {

Datum json_as(Oid type, Datum json)
{
    if (type != JSONBOID)
        return json;
    char *const written = TextDatumGetCString(json);
    Datum const converted = DirectFunctionCall1(jsonb_in, CStringGetDatum(written));
    pfree(written);
    return converted;
}

}  // namespace

Datum json_result(FunctionCallInfo fcinfo, Datum json)
{
    Oid const type = get_fn_expr_rettype(fcinfo->flinfo);
    // C code may call a function without an expression.
    return json_as(OidIsValid(type) ? type : get_func_rettype(fcinfo->flinfo->fn_oid), json);
}

Datum json_column(TupleDesc shape, int column, Datum json)
{
    return json_as(TupleDescAttr(shape, column)->atttypid, json);
}

}  // namespace wc
