// The trend of a vital sign over a student's own records.
#include <cmath>

#include "extension/boundary.hpp"
#include "extension/json_value.hpp"
#include "extension/measurements.hpp"
#include "extension/student_id.hpp"
#include "extension/trend.hpp"
#include "extension/vitals.hpp"

namespace wc {
namespace {

std::string_view parse_vital(Datum given)
{
    const char *const name = TextDatumGetCString(given);
    for (std::string_view const vital : kVitals) {
        if (vital == name)
            return vital;
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown vital \"%s\"", name),
                    errhint("Known are temperature, bloodPressureSystolic, bloodPressureDiastolic, heartRate, "
                            "respiratoryRate, oxygenSaturation, height, weight and bmi; wc_trend takes any values.")));
    pg_unreachable();
}

}  // namespace

void add_to_trend(vitals::Trend &trend, const MeasuredAt &measured, Oid date_type, std::string_view vital)
{
    double const value = find_double(measured.vital, vital);
    int64 at = 0;
    if (!std::isnan(value) && find_microseconds(measured.date, date_type, at))
        trend.add(at, value);
}

}  // namespace wc

using namespace wc;

// wc_vital_trend(student_id text | uuid | bigint, vital text, since timestamptz)
WC_FUNCTION(wc_vital_trend)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_NULL();
    std::string_view const vital = parse_vital(PG_GETARG_DATUM(1));
    int64 const since = PG_ARGISNULL(2) ? 0 : PG_GETARG_TIMESTAMPTZ(2);
    json::Buffer out = make_buffer();
    Datum id = 0;
    if (!convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                            bound_table(Entity::Students).columns[student::Id], id))
        PG_RETURN_NULL();
    vitals::Trend trend;
    SPI_connect();
    // What is there of a student that the caller may not see is not shown either.
    if (find_child(id).is_found) {
        const BoundTable &records = lock_bound_table(Entity::HealthRecords);
        SPITupleTable *const rows = select_measurements(records, id, PG_ARGISNULL(2) ? nullptr : &since);
        for (uint64 i = 0; i < rows->numvals; ++i)
            add_to_trend(trend, read_measurement(rows, i), records.columns[record::Date].type, vital);
        SPI_freetuptable(rows);
    }
    SPI_finish();
    if (trend.points() == 0)
        PG_RETURN_NULL();
    write_trend(out, trend);
    write_line_fit(out, trend);
    return finish_text(out);
}
