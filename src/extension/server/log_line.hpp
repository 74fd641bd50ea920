// Lines of ours in the server's log.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

/// Writes a line to the server's log, never to the client.  The statement is hidden because it contains arguments, and
/// so is the context.  May run where an error is being handled.
template <typename... Values>
void write_log_line(const char *format, Values... values)
{
    ErrorContextCallback *const contexts = error_context_stack;
    error_context_stack = nullptr;
    ereport(LOG_SERVER_ONLY, (errmsg_internal(format, values...), errhidestmt(true), errhidecontext(true)));
    error_context_stack = contexts;
}

}  // namespace wc
