// Where the two error systems meet: C++ exceptions and PostgreSQL errors.
//
// PostgreSQL reports an error with ereport(ERROR), which jumps to the nearest handler and skips the
// destructors of the C++ objects in between; a C++ exception that leaves a function called by
// PostgreSQL ends the whole server.  So two rules hold in this folder:
//
//  1. Functions that PostgreSQL calls are defined with WC_FUNCTION (or use `guarded`, for callbacks).  It
//     catches every exception, lets the handler end, and only then reports it with ereport.  No other
//     file has a `catch` (a test checks that).
//  2. Nothing in this folder owns anything through a destructor: memory comes from memory contexts,
//     locks, buffers and relations belong to resource owners, and an error releases all of them.  So
//     there is nothing that a jump could skip, and calls of backend functions need no guard.
//     static_asserts check that types shared with src/core are trivially destructible, and a test looks
//     for owning library types here.
#pragma once
#include <cstdio>
#include <exception>
#include <new>
#include <type_traits>

#include "extension/server/prelude.hpp"

namespace wc {

/// A copy of an exception that outlives its handler.  Only the handler fills it: initializing it at every call took
/// longer than computing a BMI.
struct Failure {
    int sqlstate;
    char message[256];
};
static_assert(std::is_trivially_destructible_v<Failure>);

/// Runs `work`, and reports an exception of it as a PostgreSQL error, in the caller's memory context.
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
    // The exception object is destroyed; from here on a jump skips no destructor.
    MemoryContextSwitchTo(entry);
    ereport(ERROR, (errcode(failure.sqlstate), errmsg_internal("%s", failure.message)));
    pg_unreachable();
}

/// Runs `work`.  If a PostgreSQL error ends it, calls `report` with the error, which may report another error instead;
/// if it returns, the original error goes on.  The transaction has failed by then, so `report` may only format text.
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

/// Runs `work`.  Where an error of PostgreSQL ends it, `told` hears its SQLSTATE first, and the error goes on as it
/// was. `told` must not report an error of its own.
template <typename Work, typename Told>
Datum overheard(Work work, Told told)
{
    static_assert(std::is_trivially_destructible_v<Work> && std::is_trivially_destructible_v<Told>);
    Datum result = 0;
    PG_TRY();
    {
        result = work();
    }
    PG_CATCH();
    {
        told(geterrcode());
        PG_RE_THROW();
    }
    PG_END_TRY();
    return result;
}

/// Calls a function without any work around it.
template <typename Work>
Datum called(FunctionCallInfo, Work work)
{
    return work();
}

}  // namespace wc

/// Defines a function that SQL can call.  Its body has the parameter `fcinfo`, as every version-1 function has.
#define WC_FUNCTION(name) WC_FUNCTION_WITHIN(wc::called, name)

/// Like WC_FUNCTION, but calls `around` with `fcinfo` and a function that runs the body and lets no exception out.
#define WC_FUNCTION_WITHIN(around, name)                                                                   \
    extern "C" {                                                                                           \
    PGDLLEXPORT PG_FUNCTION_INFO_V1(name);                                                                 \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                              \
    }                                                                                                      \
    static Datum name##_body(FunctionCallInfo fcinfo);                                                     \
    Datum name(PG_FUNCTION_ARGS)                                                                           \
    {                                                                                                      \
        return around(fcinfo, [fcinfo] { return wc::guarded([fcinfo] { return name##_body(fcinfo); }); }); \
    }                                                                                                      \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
