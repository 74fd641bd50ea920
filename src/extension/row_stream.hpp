// The rows of a query a few at a time, over as many calls of a set-returning function as it takes.
//
// This is the executor itself and no cursor, as SQL functions do it that give their rows one by one: a portal
// of its own could be dropped before the query that calls us has ended, by the commit that turns a cursor
// WITH HOLD into a file, or by a rollback to a savepoint.  What is open here belongs to the calling query's
// resource owner and memory, and ends with it, also by an error.
#pragma once
#include "extension/prelude.hpp"

extern "C" {
#include "executor/executor.h"
#include "executor/spi.h"
}

namespace wc {

class KeptPlan;

class RowStream {
public:
    /// Called for each row.  The memory context is emptied before the next one.
    using Receive = void (*)(void *state, const Datum *values, const bool *nulls);

    /// Starts a query with one parameter, with the snapshot of the calling query: the same at each of its calls.
    /// Whatever is kept lives in `context`.
    void open(KeptPlan &plan, const char *query, Datum argument, Oid type, MemoryContext context);
    bool is_open() const noexcept { return query_ != nullptr; }

    /// Gives at most `limit` rows, 0: all that are left; returns how many.  When it gave fewer there are no more, and
    /// it must not be called again.
    std::uint64_t run(std::uint64_t limit, Receive receive, void *state);

    void close();

private:
    struct Receiver;

    QueryDesc *query_ = nullptr;
    CachedPlan *plan_ = nullptr;
    ResourceOwner owner_ = nullptr;
    Receiver *receiver_ = nullptr;
    MemoryContext context_ = nullptr;
};

}  // namespace wc
