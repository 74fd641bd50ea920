// The rows that a set-returning function gives back, all at once.
#pragma once
#include "extension/prelude.hpp"

namespace wc {

/// Collects rows in a tuplestore, which spills to disk beyond work_mem.
class ResultRows {
public:
    /// Errors: 0A000 when the caller cannot take a set.
    explicit ResultRows(FunctionCallInfo fcinfo);
    void put(const Datum *values, const bool *nulls);
    Datum finish();

private:
    FunctionCallInfo call_;
    ReturnSetInfo *result_;
};

}  // namespace wc
