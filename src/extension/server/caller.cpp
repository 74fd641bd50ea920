// Whoever owns the tables may attach, detach and grant, although all that has to be written belongs to the extension.
//
// The functions for that are in pairs.  The public one runs with its caller's rights.  It does nothing but call the one
// of the same name in the schema white_cross, which runs with the rights of the extension's owner, and tell it who
// called.  That one checks what the caller owns.  What it runs on tables it runs by run_as(), with the rights of the
// caller or of the table's owner, so that nothing that they have made is ever called by a superuser.
//
// No other role may call the inner function, so nobody can claim to be somebody else.  The call from here needs no
// privilege: the server checks them where it parses a query, and there is none.
#include "extension/server/caller.hpp"

#include <algorithm>

#include "extension/server/own_function.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace wc {

void require_superuser()
{
    if (!superuser())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("only the functions of extension white_cross may call this function")));
}

namespace {

// Calls the function of that name with the caller's role as its first argument, and then the arguments of this call.
// A set of rows goes to where this call's rows are expected.
Datum call_inner(FunctionCallInfo fcinfo, const char *name)
{
    Oid *types = nullptr;
    int count = 0;
    get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
    auto *const inner_types = static_cast<Oid *>(palloc(sizeof(Oid) * (static_cast<Size>(count) + 1)));
    inner_types[0] = OIDOID;
    std::copy_n(types, count, inner_types + 1);

    FmgrInfo inner;
    fmgr_info(own_function(name, inner_types, count + 1), &inner);
    auto *const call = static_cast<FunctionCallInfo>(palloc0(SizeForFunctionCallInfo(count + 1)));
    InitFunctionCallInfoData(*call, &inner, static_cast<short>(count + 1), fcinfo->fncollation, nullptr,
                             fcinfo->resultinfo);
    call->args[0].value = ObjectIdGetDatum(GetUserId());
    std::copy_n(fcinfo->args, count, call->args + 1);
    Datum const result = FunctionCallInvoke(call);
    fcinfo->isnull = call->isnull;
    return result;
}

// Returns the number that a query has returned, if it is one.
bool read_number(std::int64_t &number)
{
    if (SPI_tuptable == nullptr || SPI_processed == 0 || SPI_gettypeid(SPI_tuptable->tupdesc, 1) != INT8OID)
        return false;
    bool is_null = false;
    number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
    return !is_null;
}

}  // namespace
}  // namespace wc

using namespace wc;

WC_FUNCTION(wc_attach) { return call_inner(fcinfo, "attach"); }
WC_FUNCTION(wc_detach) { return call_inner(fcinfo, "detach"); }
WC_FUNCTION(wc_create_tables) { return call_inner(fcinfo, "create_tables"); }
WC_FUNCTION(wc_index_statements) { return call_inner(fcinfo, "index_statements"); }
WC_FUNCTION(wc_row_functions) { return call_inner(fcinfo, "row_functions"); }
WC_FUNCTION(wc_grant_worker) { return call_inner(fcinfo, "grant_worker"); }

// white_cross.run_as(role oid, command text)
WC_FUNCTION(wc_run_as)
{
    require_superuser();
    const char *const command = text_to_cstring(PG_GETARG_TEXT_PP(1));
    std::int64_t number = 0;
    bool has_number = false;
    as_role(PG_GETARG_OID(0), [&] {
        SPI_connect();
        int const code = SPI_execute(command, false, 0);
        if (code < 0)
            elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
        has_number = read_number(number);
        SPI_finish();
    });
    if (!has_number)
        PG_RETURN_NULL();
    PG_RETURN_INT64(number);
}
