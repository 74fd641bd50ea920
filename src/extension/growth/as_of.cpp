#include "extension/growth/as_of.hpp"

#include "extension/server/time_zone.hpp"

namespace wc {
namespace {

// Subtracts by the calendar of white_cross.time_zone: a year earlier is the same hour of the same day.
TimestampTz earlier(TimestampTz at, Datum within)
{
    Datum const shown = TimestampGetDatum(zone::local(at));
    Timestamp const before = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval, shown, within));
    return TIMESTAMP_NOT_FINITE(before) ? before : zone::instant(before);
}

void check_positive(Datum within)
{
    Interval const nothing{};
    if (DatumGetBool(DirectFunctionCall2(interval_gt, within, IntervalPGetDatum(&nothing))))
        return;
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("\"within\" must be a positive interval, not \"%s\"",
                           DatumGetCString(DirectFunctionCall1(interval_out, within))),
                    errhint("For example interval '1 year', or NULL for no limit.")));
}

}  // namespace

TimestampTz as_of_argument(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? GetCurrentTransactionStartTimestamp() : zone::moment_argument(fcinfo, n, zone::Edge::End);
}

Period period_arguments(FunctionCallInfo fcinfo, int as_of, int within)
{
    Period period{DT_NOBEGIN, as_of_argument(fcinfo, as_of)};
    if (PG_ARGISNULL(within))
        return period;
    check_positive(PG_GETARG_DATUM(within));
    TimestampTz const from = TIMESTAMP_NOT_FINITE(period.until) ? GetCurrentTransactionStartTimestamp() : period.until;
    period.after = earlier(from, PG_GETARG_DATUM(within));
    return period;
}

}  // namespace wc
