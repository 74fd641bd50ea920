// The rows of a set-returning function that returns all of them at once.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Collects rows in a tuplestore, which spills to disk beyond work_mem.
class ResultRows {
public:
    /// Errors: 0A000 if the caller does not accept a set.
    explicit ResultRows(FunctionCallInfo fcinfo);
    TupleDesc shape() const { return result_->setDesc; }
    void put(const Datum *values, const bool *nulls);
    Datum finish();

private:
    FunctionCallInfo call_;
    ReturnSetInfo *result_;
};

}  // namespace wc
