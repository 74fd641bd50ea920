#include "extension/direct/index_expression.hpp"

extern "C" {
#include "catalog/index.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<IndexExpression>);

Datum IndexExpression::compute(TupleTableSlot *slot, bool &is_null)
{
    if (executor_ == nullptr) {
        executor_ = CreateExecutorState();
        info_ = BuildIndexInfo(index_);
    }
    ExprContext *const per_row = GetPerTupleExprContext(executor_);
    per_row->ecxt_scantuple = slot;
    Datum value = 0;
    FormIndexDatum(info_, slot, executor_, &value, &is_null);
    return value;
}

void IndexExpression::close()
{
    if (executor_ != nullptr)
        FreeExecutorState(executor_);
    executor_ = nullptr;
}

}  // namespace wc
