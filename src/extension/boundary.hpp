// Where the two error systems meet: C++ exceptions and PostgreSQL errors.
//
// PostgreSQL reports an error with ereport(ERROR), which jumps to the nearest handler and skips the
// destructors of the C++ objects in between; a C++ exception that leaves a function called by
// PostgreSQL ends the whole server.  So two rules hold in this folder:
//
//  1. Functions that PostgreSQL calls are made with WC_FUNCTION (or `guarded`, for callbacks).  It
//     catches every exception, lets the handler end, and only then reports it with ereport.  No other
//     file has a `catch` (a test looks).
//  2. Nothing in this folder owns anything through a destructor: memory comes from memory contexts,
//     locks, buffers and relations belong to resource owners, and an error gives all of it back.  So
//     there is nothing that a jump could skip, and backend functions are called without a guard each.
//     The types that cross into src/core are asserted to be trivially destructible, and a test looks
//     for owning library types here.
#pragma once
#include <cstdio>
#include <exception>
#include <new>
#include <type_traits>

#include "extension/prelude.hpp"

namespace wc {

/// What is left of an exception after its handler has ended.  Filled by the handler alone: to clear it at every call
/// took longer than a BMI.
struct Failure {
    int sqlstate;
    char message[256];
};
static_assert(std::is_trivially_destructible_v<Failure>);

/// Runs `work`; reports what it throws as a PostgreSQL error in the memory context of the caller.
template <typename Work>
auto guarded(Work work) -> decltype(work())
{
    static_assert(std::is_trivially_destructible_v<Work>, "a jump would skip the destructors of captures");
    MemoryContext const entry = CurrentMemoryContext;
    Failure failure;
    try {
        return work();
    } catch (const std::bad_alloc &) {
        failure.sqlstate = ERRCODE_OUT_OF_MEMORY;
        std::snprintf(failure.message, sizeof failure.message, "out of memory");
    } catch (const std::exception &e) {
        failure.sqlstate = ERRCODE_INTERNAL_ERROR;
        std::snprintf(failure.message, sizeof failure.message, "%s", e.what());
    } catch (...) {
        failure.sqlstate = ERRCODE_INTERNAL_ERROR;
        std::snprintf(failure.message, sizeof failure.message, "unknown C++ exception");
    }
    // The exception object is gone; from here on a jump skips nothing.
    MemoryContextSwitchTo(entry);
    ereport(ERROR, (errcode(failure.sqlstate), errmsg_internal("%s", failure.message)));
    pg_unreachable();
}

/// Runs `work`.  An error of PostgreSQL in it ends it; `report` then looks at what it says and reports one of its own,
/// or returns, and the error goes on as it was.  In `report` the transaction has failed: it may format text and
/// nothing else.
template <typename Work, typename Report>
void translated(Work work, Report report)
{
    static_assert(std::is_trivially_destructible_v<Work> && std::is_trivially_destructible_v<Report>);
    MemoryContext const entry = CurrentMemoryContext;
    ErrorData *volatile error = nullptr;
    PG_TRY();
    {
        work();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(entry);
        error = CopyErrorData();
        FlushErrorState();
    }
    PG_END_TRY();
    if (error == nullptr)
        return;
    report(*error);
    ReThrowError(error);
}

}  // namespace wc

/// Defines a function that SQL can call.  The body takes `fcinfo`, as every V1 function does.
#define WC_FUNCTION(name)                                             \
    extern "C" {                                                      \
    PGDLLEXPORT PG_FUNCTION_INFO_V1(name);                            \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                         \
    }                                                                 \
    static Datum name##_body(FunctionCallInfo fcinfo);                \
    Datum name(PG_FUNCTION_ARGS)                                      \
    {                                                                 \
        return wc::guarded([fcinfo] { return name##_body(fcinfo); }); \
    }                                                                 \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
