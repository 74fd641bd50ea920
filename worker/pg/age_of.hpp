// AGE_OF(time): an SQL expression for the age of a row of the queue.
#pragma once

// In microseconds.  The expression bounds the time, because a row that somebody inserted by hand may have an infinite
// time, or one so long ago that the microseconds overflow.
#define AGE_OF(time)                                               \
    "(extract(epoch FROM clock_timestamp() - greatest(least(" time \
    ", clock_timestamp()), clock_timestamp() - interval "          \
    "'1000 years')) * 1000000)::bigint"
