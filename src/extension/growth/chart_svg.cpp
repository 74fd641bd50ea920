// Draws a student's growth as an SVG picture.
#include <cmath>

#include "core/growth/chart.hpp"
#include "extension/binding/id.hpp"
#include "extension/growth/argument.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_value.hpp"
#include "extension/vitals/measurements.hpp"

namespace wc {
namespace {

int size_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
    int64 const size = PG_GETARG_INT64(n);
    if (size < growth::kSmallestChart || size > growth::kLargestChart)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("%s of " INT64_FORMAT " pixels is out of range", name, size),
                        errhint("It must be from %d to %d.", growth::kSmallestChart, growth::kLargestChart)));
    return static_cast<int>(size);
}

// Collects points, of several of one moment the last one.
class ChartPoints {
public:
    ChartPoints(growth::Chart &chart, const Child &child, Oid date_type)
        : chart_(chart), child_(child), date_type_(date_type)
    {
        chart_.points = points_;
    }

    // Takes a measurement; they come oldest first.
    void add(const MeasuredAt &measured)
    {
        growth::Measurement const found = read_growth(measured.vital);
        double const value = growth::value_of(found, chart_.measure);
        if (std::isnan(value))
            return;
        double const age = age_months(child_, measured.date, date_type_);
        bool const replaces = has_last_ && measured.date == date_;
        has_last_ = true;
        date_ = measured.date;
        if (std::isnan(age)) {
            chart_.undated += replaces ? 0 : 1;
            return;
        }
        const growth::Standing standing = growth::assess(child_.sex, age, found).of[static_cast<int>(chart_.measure)];
        if (!replaces)
            make_room();
        points_[chart_.count - 1] = {age, value, standing.is_implausible};
    }

private:
    void make_room()
    {
        if (chart_.count == capacity_) {
            capacity_ *= 2;
            points_ = static_cast<growth::ChartPoint *>(repalloc_huge(points_, sizeof(growth::ChartPoint) * capacity_));
            chart_.points = points_;
        }
        ++chart_.count;
    }

    growth::Chart &chart_;
    const Child &child_;
    Oid date_type_;
    static constexpr std::size_t kFirst = 64;
    std::size_t capacity_ = kFirst;
    growth::ChartPoint *points_ = static_cast<growth::ChartPoint *>(palloc(sizeof(growth::ChartPoint) * kFirst));
    bool has_last_ = false;
    Datum date_ = 0;
};

void read_points(growth::Chart &chart, const Child &child, Datum student_id)
{
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    ChartPoints points(chart, child, records.columns[record::Date].type);
    for_each_measurement(records, student_id, nullptr, [&](const MeasuredAt &one) { points.add(one); });
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_growth_chart_svg(student_id text | uuid | bigint, measure text, width bigint, height bigint)
WC_READING_FUNCTION(wc_growth_chart_svg)
{
    growth::Chart chart{};
    chart.measure = measure_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(1)));
    chart.width = size_argument(fcinfo, 2, "a width");
    chart.height = size_argument(fcinfo, 3, "a height");
    lock_tables({Entity::Students, Entity::HealthRecords});
    Datum id = 0;
    json::Buffer out = make_buffer();
    if (!student_argument(fcinfo, id))
        PG_RETURN_NULL();
    SPI_connect();
    Child const child = find_child(id);
    chart.sex = child.sex;
    chart.has_birth_date = child.has_birth_date;
    if (child.is_found) {
        read_points(chart, child, id);
        growth::write_chart(out, chart);
    }
    SPI_finish();
    if (!child.is_found)
        PG_RETURN_NULL();
    return finish_text(out);
}
