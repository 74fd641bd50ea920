#include "extension/server/result_rows.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<ResultRows>);

ResultRows::ResultRows(FunctionCallInfo fcinfo)
    : call_(fcinfo), result_(reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo))
{
    if (result_ == nullptr || !IsA(result_, ReturnSetInfo) || (result_->allowedModes & SFRM_Materialize) == 0)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    // The tuplestore and its descriptor must outlive this call.
    MemoryContext const caller = MemoryContextSwitchTo(result_->econtext->ecxt_per_query_memory);
    TupleDesc shape = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &shape) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    result_->returnMode = SFRM_Materialize;
    result_->setDesc = BlessTupleDesc(CreateTupleDescCopy(shape));
    result_->setResult = tuplestore_begin_heap((result_->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    MemoryContextSwitchTo(caller);
}

void ResultRows::put(const Datum *values, const bool *nulls)
{
    tuplestore_putvalues(result_->setResult, result_->setDesc, const_cast<Datum *>(values), const_cast<bool *>(nulls));
}

Datum ResultRows::finish()
{
    call_->isnull = true;
    return Datum{0};
}

}  // namespace wc
