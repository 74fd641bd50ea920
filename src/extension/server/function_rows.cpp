#include "extension/server/function_rows.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<FunctionRows>);

FunctionRows::FunctionRows(Oid function) : context_(CreateStandaloneExprContext()), result_{}
{
    FmgrInfo called;
    fmgr_info(function, &called);
    result_.type = T_ReturnSetInfo;
    result_.econtext = context_;
    result_.allowedModes = SFRM_Materialize;
    LOCAL_FCINFO(call, 0);
    InitFunctionCallInfoData(*call, &called, 0, InvalidOid, nullptr, reinterpret_cast<Node *>(&result_));
    FunctionCallInvoke(call);
    if (result_.returnMode != SFRM_Materialize || result_.setResult == nullptr || result_.setDesc == nullptr)
        elog(ERROR, "function %u returned no rows at once", function);
    slot_ = MakeSingleTupleTableSlot(result_.setDesc, &TTSOpsMinimalTuple);
}

bool FunctionRows::next() { return tuplestore_gettupleslot(result_.setResult, true, false, slot_); }

void FunctionRows::close()
{
    ExecDropSingleTupleTableSlot(slot_);
    tuplestore_end(result_.setResult);
    FreeExprContext(context_, true);
}

}  // namespace wc
