#include "extension/summary_extras.hpp"

#include "extension/growth_chart.hpp"
#include "extension/json_value.hpp"
#include "extension/student_lists.hpp"
#include "extension/trend.hpp"
#include "extension/vitals.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

void write_trends(json::Buffer &out, const BoundTable &records, const SPITupleTable *rows)
{
    vitals::Trend trends[lengthof(kVitals)];
    for (uint64 i = 0; i < rows->numvals; ++i) {
        MeasuredAt const measured = read_measurement(rows, i);
        for (std::size_t v = 0; v < lengthof(kVitals); ++v)
            add_to_trend(trends[v], measured, records.columns[record::Date].type, kVitals[v]);
    }
    out.append(R"(,"trends":{)"sv);
    bool first = true;
    for (std::size_t v = 0; v < lengthof(kVitals); ++v) {
        if (trends[v].points() == 0)
            continue;
        if (!first)
            out.append(',');
        first = false;
        json::write_string(out, kVitals[v]);
        out.append(':');
        write_trend(out, trends[v]);
        out.append('}');
    }
    out.append('}');
}

}  // namespace

Extras parse_extras(ArrayType *include)
{
    Datum *names = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(include, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
    Extras extras;
    for (int i = 0; i < count; ++i) {
        if (nulls[i])
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"include\" must not contain NULL")));
        const char *const name = TextDatumGetCString(names[i]);
        if (strcmp(name, "chronicConditions") == 0)
            extras.chronic_conditions = true;
        else if (strcmp(name, "growth") == 0)
            extras.growth = true;
        else if (strcmp(name, "trends") == 0)
            extras.trends = true;
        else
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown section \"%s\"", name),
                            errhint("\"include\" takes chronicConditions, growth and trends.")));
    }
    return extras;
}

void write_extras(json::Buffer &out, const Extras &extras, Datum student_id)
{
    if (!extras.chronic_conditions && !extras.growth && !extras.trends)
        return;
    SPI_connect();
    if (extras.chronic_conditions) {
        out.append(R"(,"chronicConditions":)"sv);
        write_conditions(out, student_id);
    }
    if (extras.growth || extras.trends) {
        const BoundTable &records = bound_table(Entity::HealthRecords);
        SPITupleTable *const rows = select_measurements(records, student_id, nullptr);
        if (extras.growth) {
            out.append(R"(,"growth":)"sv);
            write_growth_points(out, records, rows, nullptr);
        }
        if (extras.trends)
            write_trends(out, records, rows);
        SPI_freetuptable(rows);
    }
    SPI_finish();
}

}  // namespace wc
