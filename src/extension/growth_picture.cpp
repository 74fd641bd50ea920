// A student's growth as a picture.
#include <cmath>

#include "core/growth/chart.hpp"
#include "extension/boundary.hpp"
#include "extension/growth_argument.hpp"
#include "extension/json_value.hpp"
#include "extension/measurements.hpp"
#include "extension/student_id.hpp"

namespace wc {
namespace {

int size_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    int32 const size = PG_GETARG_INT32(n);
    if (size < growth::kSmallestChart || size > growth::kLargestChart)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s of %d pixels cannot be drawn", name, size),
                        errhint("From %d to %d.", growth::kSmallestChart, growth::kLargestChart)));
    return size;
}

void read_points(growth::Chart &chart, const Child &child, Datum student_id)
{
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    SPITupleTable *const rows = select_measurements(records, student_id, nullptr);
    auto *const points = static_cast<growth::ChartPoint *>(
        MemoryContextAllocHuge(CurrentMemoryContext, (rows->numvals + 1) * sizeof(growth::ChartPoint)));
    for (uint64 i = 0; i < rows->numvals; ++i) {
        MeasuredAt const measured = read_measurement(rows, i);
        double const age = age_months(child, measured.date, records.columns[record::Date].type);
        growth::Measurement const found = read_growth(measured.vital);
        double const value = growth::value_of(found, chart.measure);
        if (std::isnan(age) || std::isnan(value))
            continue;
        const growth::Standing standing = growth::assess(child.sex, age, found).of[static_cast<int>(chart.measure)];
        points[chart.count++] = {age, value, standing.is_known && standing.is_implausible};
    }
    chart.points = points;
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_growth_chart_svg(student_id text | uuid | bigint, measure text, width integer, height integer)
WC_FUNCTION(wc_growth_chart_svg)
{
    growth::Chart chart{};
    chart.measure = measure_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(1)));
    chart.width = size_argument(fcinfo, 2, "a width");
    chart.height = size_argument(fcinfo, 3, "a height");
    Datum id = 0;
    json::Buffer out = make_buffer();
    if (!convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                            bound_table(Entity::Students).columns[student::Id], id))
        PG_RETURN_NULL();
    SPI_connect();
    Child const child = find_child(id);
    chart.sex = child.sex;
    if (child.is_found) {
        read_points(chart, child, id);
        growth::write_chart(out, chart);
    }
    SPI_finish();
    if (!child.is_found)
        PG_RETURN_NULL();
    return finish_text(out);
}
