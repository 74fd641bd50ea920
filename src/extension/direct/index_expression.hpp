// Computes the expression of an index for one row after another.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/execnodes.h"
}

namespace wc {

class IndexExpression {
public:
    /// REQUIRES: the index has one column, and stays open until close().
    explicit IndexExpression(Relation index) noexcept : index_(index) {}

    /// Returns whether the value for the row in the slot is not NULL and `fits`, which is called in a memory context
    /// that is emptied after it.
    template <typename Fits>
    bool test(TupleTableSlot *slot, Fits fits)
    {
        bool is_null = false;
        Datum const value = compute(slot, is_null);
        MemoryContext const caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(executor_));
        bool const answer = !is_null && fits(value);
        MemoryContextSwitchTo(caller);
        ResetPerTupleExprContext(executor_);
        return answer;
    }

    void close();

private:
    Datum compute(TupleTableSlot *slot, bool &is_null);

    Relation index_;
    EState *executor_ = nullptr;  // null until the first value is needed
    IndexInfo *info_ = nullptr;
};

}  // namespace wc
