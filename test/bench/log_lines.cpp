// What PostgreSQL itself takes for a line of its log: the least that a line of white_cross.audit can cost.
#include "extension/server/log_line.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT Datum write_log_lines(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(write_log_lines);
}

// write_log_lines(count integer, line text): the line so many times.
Datum write_log_lines(PG_FUNCTION_ARGS)
{
    int const count = PG_GETARG_INT32(0);
    const char *const line = text_to_cstring(PG_GETARG_TEXT_PP(1));
    for (int i = 0; i < count; ++i)
        wc::write_log_line("%s", line);
    PG_RETURN_VOID();
}
