// The rows of a query, a few at a time, over as many calls of a set-returning function as the caller makes.
//
// This runs the executor itself and opens no cursor, like SQL functions that return their rows one by one.  PostgreSQL
// could drop a portal of our own before the query that calls us has ended: at the commit that turns a cursor WITH HOLD
// into a file, or at a rollback to a savepoint.  What is open here belongs to the calling query's resource owner and
// memory, and ends with it, also by an error.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "executor/executor.h"
#include "executor/spi.h"
}

namespace wc {

class KeptPlan;

class RowStream {
public:
    /// Takes a row.  The memory context that is current then is reset before the next row.
    using Receive = void (*)(void *state, const Datum *values, const bool *nulls);

    /// Starts a query with one parameter, with the snapshot of the calling query, which is the same at each of its
    /// calls.  What the stream keeps lives in `context`.
    void open(KeptPlan &plan, const char *query, Datum argument, Oid type, MemoryContext context);
    bool is_open() const noexcept { return query_ != nullptr; }

    /// Gives at most `limit` rows to `receive`, or all that are left for a limit of 0, and returns how many it gave.
    /// When it gave fewer, none is left.
    ///
    /// REQUIRES: the stream is open, and the last call gave as many rows as its limit.
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
