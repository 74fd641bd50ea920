// The trend of a vital sign over a student's own records.
#include <cmath>

#include "extension/binding/id.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"
#include "extension/server/time_zone.hpp"
#include "extension/value/json_argument.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_value.hpp"
#include "extension/vitals/measurements.hpp"
#include "extension/vitals/trend.hpp"
#include "extension/vitals/vitals.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<VitalTrend>);

namespace {

std::string_view parse_vital(Datum given)
{
    std::string_view const name = text_view(given);
    for (std::string_view const vital : kVitals) {
        if (vital == name)
            return vital;
    }
    std::string_view const shown = cut_text(name, kLongestShown);
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unknown vital \"%.*s\"", static_cast<int>(shown.size()), shown.data()),
                    errhint("Known are temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, "
                            "respiratoryRate, oxygenSaturation, height, weight and bmi; wc_trend takes any values.")));
    pg_unreachable();
}

// Returns the vital that the second argument names.
Datum value_of(FunctionCallInfo fcinfo, Jsonb *vital)
{
    std::string_view const name = parse_vital(PG_GETARG_DATUM(1));
    double const value = JB_ROOT_IS_OBJECT(vital) ? find_double(vital, name) : NAN;
    if (std::isnan(value))
        PG_RETURN_NULL();
    PG_RETURN_FLOAT8(value);
}

}  // namespace

void VitalTrend::add(const MeasuredAt &measured)
{
    double const value = find_double(measured.vital, vital_);
    int64 time = 0;
    if (std::isnan(value) || !find_microseconds(measured.date, date_type_, time))
        return;
    if (has_last_ && time != time_)
        trend_.add(time_, value_);
    has_last_ = true;
    time_ = time;
    value_ = value;
}

const vitals::Trend &VitalTrend::finish()
{
    if (has_last_)
        trend_.add(time_, value_);
    has_last_ = false;
    return trend_;
}

}  // namespace wc

using namespace wc;

// wc_vital_value(vital jsonb, name text)
WC_FUNCTION(wc_vital_value) { return value_of(fcinfo, PG_GETARG_JSONB_P(0)); }

// wc_vital_value(vital json | text, name text)
WC_FUNCTION(wc_vital_value_of_text) { return value_of(fcinfo, parse_jsonb(PG_GETARG_TEXT_PP(0), "vital")); }

// wc_vital_trend(student_id text | uuid | bigint, vital text, since text | date | timestamptz)
WC_READING_FUNCTION(wc_vital_trend)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_NULL();
    std::string_view const vital = parse_vital(PG_GETARG_DATUM(1));
    int64 const since = PG_ARGISNULL(2) ? 0 : zone::moment_argument(fcinfo, 2, zone::Edge::Begin);
    lock_tables({Entity::Students, Entity::HealthRecords});
    json::Buffer out = make_buffer();
    Datum id = 0;
    if (!student_argument(fcinfo, id))
        PG_RETURN_NULL();
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    VitalTrend measured(vital, records.columns[record::Date].type);
    SPI_connect();
    // A student that the caller may not see counts as unknown.
    if (find_child(id).is_found)
        for_each_measurement(records, id, PG_ARGISNULL(2) ? nullptr : &since,
                             [&](const MeasuredAt &one) { measured.add(one); });
    SPI_finish();
    const vitals::Trend &trend = measured.finish();
    if (trend.points() == 0)
        PG_RETURN_NULL();
    write_fitted_trend(out, trend);
    return json_result(fcinfo, finish_text(out));
}
