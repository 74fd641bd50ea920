// Ages in months, as growth references count them: calendar days over 30.4375.
#include "core/growth/reference.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/time_zone.hpp"

extern "C" {
#include "utils/date.h"
}

namespace wc {
namespace {

Datum months_between(DateADT birth, DateADT at)
{
    if (DATE_NOT_FINITE(birth) || DATE_NOT_FINITE(at))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("an age needs two finite dates: %s is infinite",
                               DATE_NOT_FINITE(birth) ? "\"birth_date\"" : "\"at\""),
                        errhint("Use NULL for an unknown date; the result is NULL then.")));
    double const days = static_cast<double>(at) - static_cast<double>(birth);
    return Float8GetDatum(days / growth::kDaysPerMonth);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_age_months(birth_date date, at date)
WC_FUNCTION(wc_age_months) { return months_between(PG_GETARG_DATEADT(0), PG_GETARG_DATEADT(1)); }

// wc_age_months(birth_date timestamp, at timestamp)
WC_FUNCTION(wc_age_months_timestamp)
{
    return months_between(DatumGetDateADT(DirectFunctionCall1(timestamp_date, PG_GETARG_DATUM(0))),
                          DatumGetDateADT(DirectFunctionCall1(timestamp_date, PG_GETARG_DATUM(1))));
}

// wc_age_months(birth_date timestamptz, at timestamptz)
WC_FUNCTION(wc_age_months_timestamptz)
{
    auto const day_of = [&](int n) {
        TimestampTz const at = PG_GETARG_TIMESTAMPTZ(n);
        if (TIMESTAMP_NOT_FINITE(at))
            return TIMESTAMP_IS_NOBEGIN(at) ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
        return static_cast<DateADT>(zone::day_of(at));
    };
    return months_between(day_of(0), day_of(1));
}
