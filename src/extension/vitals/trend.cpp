// wc_trend: a parallel aggregate whose state has a constant size.
#include "extension/vitals/trend.hpp"

#include "extension/server/aggregate.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "utils/date.h"
}

namespace wc {

using namespace std::string_view_literals;

namespace {

using vitals::Trend;
static_assert(std::is_trivially_copyable_v<Trend> && std::is_trivially_destructible_v<Trend>);

Trend *state_argument(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? nullptr : static_cast<Trend *>(static_cast<void *>(PG_GETARG_POINTER(n)));
}

Trend *make_trend(MemoryContext context) { return new (MemoryContextAlloc(context, sizeof(Trend))) Trend; }

Timestamp finite_time(Timestamp at)
{
    if (TIMESTAMP_NOT_FINITE(at))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("time must be finite, not %s", TIMESTAMP_IS_NOBEGIN(at) ? "-infinity" : "infinity"),
                        errhint("Leave it out: FILTER (WHERE pg_catalog.isfinite(at)).")));
    return at;
}

Timestamp time_of_day_begin(DateADT day)
{
    if (DATE_NOT_FINITE(day))
        return DATE_IS_NOBEGIN(day) ? DT_NOBEGIN : DT_NOEND;
    if (day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("date is past the last day of a timestamp, 294276-12-31")));
    return static_cast<Timestamp>(day) * USECS_PER_DAY;
}

Datum add_point(FunctionCallInfo fcinfo, bool is_day)
{
    MemoryContext const context = aggregate_context(fcinfo);
    Trend *state = state_argument(fcinfo, 0);
    if (PG_ARGISNULL(1) || PG_ARGISNULL(2)) {
        if (state == nullptr)
            PG_RETURN_NULL();
        PG_RETURN_POINTER(state);
    }
    double const value = finite_value(PG_GETARG_FLOAT8(1));
    Timestamp const at = finite_time(is_day ? time_of_day_begin(PG_GETARG_DATEADT(2)) : PG_GETARG_TIMESTAMP(2));
    if (state == nullptr)
        state = make_trend(context);
    state->add(at, value);
    PG_RETURN_POINTER(state);
}

void write_double_or_null(json::Buffer &out, double value)
{
    if (std::isfinite(value))
        json::write_double(out, value);
    else
        json::write_null(out);
}

void write_members(json::Buffer &out, const Trend &trend)
{
    out.append(R"("trend":)"sv);
    json::write_string(out, vitals::name(trend.direction()));
    out.append(R"(,"changeRate":)"sv);
    if (trend.has_change_rate())
        write_double_or_null(out, trend.change_rate());
    else
        json::write_null(out);
    out.append(R"(,"average":)"sv);
    json::write_double(out, trend.average());
    out.append(R"(,"min":)"sv);
    json::write_double(out, trend.min());
    out.append(R"(,"max":)"sv);
    json::write_double(out, trend.max());
    out.append(R"(,"points":)"sv);
    json::write_integer(out, trend.points());
}

}  // namespace

void write_trend(json::Buffer &out, const Trend &trend)
{
    out.append('{');
    write_members(out, trend);
    out.append('}');
}

void write_fitted_trend(json::Buffer &out, const Trend &trend)
{
    out.append('{');
    write_members(out, trend);
    out.append(R"(,"slopePer30Days":)"sv);
    write_double_or_null(out, trend.slope_per_30_days());
    out.append(R"(,"rSquared":)"sv);
    write_double_or_null(out, trend.r_squared());
    out.append('}');
}

}  // namespace wc

using namespace wc;

// (state, value double precision, at timestamp | timestamptz) → state
WC_FUNCTION(wc_trend_add) { return add_point(fcinfo, false); }

// (state, value double precision, at date) → state
WC_FUNCTION(wc_trend_add_day) { return add_point(fcinfo, true); }

// (state, state) → state: the second is another worker's
WC_FUNCTION(wc_trend_combine)
{
    MemoryContext const context = aggregate_context(fcinfo);
    Trend *state = state_argument(fcinfo, 0);
    const Trend *const other = state_argument(fcinfo, 1);
    if (other == nullptr) {
        if (state == nullptr)
            PG_RETURN_NULL();
        PG_RETURN_POINTER(state);
    }
    if (state == nullptr)
        state = make_trend(context);
    state->add(*other);
    PG_RETURN_POINTER(state);
}

// state → bytea
WC_FUNCTION(wc_trend_serialize)
{
    aggregate_context(fcinfo);
    auto *const bytes = static_cast<bytea *>(palloc(VARHDRSZ + sizeof(Trend)));
    SET_VARSIZE(bytes, VARHDRSZ + sizeof(Trend));
    memcpy(VARDATA(bytes), state_argument(fcinfo, 0), sizeof(Trend));
    return PointerGetDatum(bytes);
}

// (bytea, internal) → state
WC_FUNCTION(wc_trend_deserialize)
{
    aggregate_context(fcinfo);
    const bytea *const bytes = PG_GETARG_BYTEA_PP(0);
    Trend *const state = make_trend(CurrentMemoryContext);
    memcpy(static_cast<void *>(state), VARDATA_ANY(bytes), sizeof(Trend));
    PG_RETURN_POINTER(state);
}

WC_FUNCTION(wc_trend_result)
{
    aggregate_context(fcinfo);
    const Trend *const state = state_argument(fcinfo, 0);
    if (state == nullptr)
        PG_RETURN_NULL();
    json::Buffer out = make_buffer();
    write_fitted_trend(out, *state);
    return finish_text(out);
}
