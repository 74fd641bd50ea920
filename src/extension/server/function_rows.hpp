// The rows of a function that returns all of them at once, called without a query.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Calls a function without arguments, one of PostgreSQL's own.  To plan a query and to start it would take longer than
/// such a function does.
class FunctionRows {
public:
    explicit FunctionRows(Oid function);

    /// Goes to the next row.  Returns false after the last.
    bool next();

    /// Returns a column of the row, counted from 1.  The value is valid until next().
    Datum value(int column, bool &is_null) { return slot_getattr(slot_, column, &is_null); }

    void close();

private:
    ExprContext *context_;
    ReturnSetInfo result_;
    TupleTableSlot *slot_;
};

}  // namespace wc
