// The time zone in which a day begins and ends: white_cross.time_zone, or, if that is not set, the database's TimeZone.
//
// Instants are microseconds since 2000-01-01 in UTC; days are counted from 2000-01-01.  A session's own TimeZone has no
// influence, and parallel workers have the zone of their leader.
#pragma once
#include "extension/server/prelude.hpp"

extern "C" {
#include "utils/date.h"
}

namespace wc::zone {

/// Defines the setting.  Called once, when the library is loaded.
void define(const char *setting);

/// Returns the day of a local time in microseconds since 2000-01-01.
constexpr int64 whole_days(int64 microseconds) noexcept
{
    return microseconds / USECS_PER_DAY - (microseconds % USECS_PER_DAY < 0 ? 1 : 0);
}

/// Returns the calendar day of an instant.  REQUIRES: the instant is finite.
int64 day_of(TimestampTz at);

/// Return the first and the last instant of a day, also if clocks skip midnight or show it twice; infinite for days
/// beyond the range of timestamps.
TimestampTz begin_of(int64 day);
TimestampTz end_of(int64 day);

/// Returns the first day that begins at an instant or later; infinite for an infinite instant.
DateADT first_day_from(TimestampTz at);

/// Convert between an instant and the time that clocks of the zone show: instant() returns the first instant at which
/// they show this time or a later one.
Timestamp local(TimestampTz at);
TimestampTz instant(Timestamp local);

enum class Edge { Begin, End };

/// Returns argument `n`, a moment as text, date or timestamptz.  For a day without a time of day, returns its beginning
/// or its end.
///
/// Errors: 22007 and 22008, as PostgreSQL's own input of times raises them.
TimestampTz moment_argument(FunctionCallInfo fcinfo, int n, Edge edge);

}  // namespace wc::zone
