#include "extension/summary/extras.hpp"

#include "extension/growth/chart.hpp"
#include "extension/server/arrays.hpp"
#include "extension/summary/lists.hpp"
#include "extension/value/json_value.hpp"
#include "extension/vitals/trend.hpp"
#include "extension/vitals/vitals.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kTrends = std::size(kVitals);

void write_trends(json::Buffer &out, VitalTrend *measured)
{
    out.append(R"(,"trends":{)"sv);
    bool first = true;
    for (std::size_t v = 0; v < kTrends; ++v) {
        const vitals::Trend &trend = measured[v].finish();
        if (trend.points() == 0)
            continue;
        if (!first)
            out.append(',');
        first = false;
        json::write_string(out, kVitals[v]);
        out.append(':');
        write_trend(out, trend);
    }
    out.append('}');
}

// Writes what is made from a student's measurements, which are read once.
void write_measured(json::Buffer &out, const Extras &extras, Datum student_id)
{
    const BoundTable &records = bound_table(Entity::HealthRecords);
    VitalTrend trends[kTrends];
    for (std::size_t v = 0; v < kTrends; ++v)
        trends[v] = VitalTrend(kVitals[v], records.columns[record::Date].type);
    GrowthPoints growth(out, records, nullptr);
    if (extras.growth) {
        out.append(R"(,"growth":)"sv);
        growth.begin();
    }
    for_each_measurement(records, student_id, nullptr, [&](const MeasuredAt &measured) {
        if (extras.growth)
            growth.add(measured);
        for (std::size_t v = 0; extras.trends && v < kTrends; ++v)
            trends[v].add(measured);
    });
    if (extras.growth)
        growth.finish();
    if (extras.trends)
        write_trends(out, trends);
}

}  // namespace

Extras parse_extras(ArrayType *include)
{
    Extras extras;
    if (ARR_NDIM(include) == 0)
        return extras;
    for_each_name(include, "include", [&extras](Datum given) {
        const char *const name = TextDatumGetCString(given);
        if (strcmp(name, "chronicConditions") == 0)
            extras.chronic_conditions = true;
        else if (strcmp(name, "growth") == 0)
            extras.growth = true;
        else if (strcmp(name, "trends") == 0)
            extras.trends = true;
        else
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown section \"%s\"", name),
                            errhint("\"include\" takes chronicConditions, growth and trends.")));
    });
    return extras;
}

void write_extras(json::Buffer &out, const Extras &extras, Datum student_id)
{
    SPI_connect();
    if (extras.chronic_conditions) {
        out.append(R"(,"chronicConditions":)"sv);
        write_conditions(out, student_id);
    }
    if (extras.growth || extras.trends)
        write_measured(out, extras, student_id);
    SPI_finish();
}

}  // namespace wc
