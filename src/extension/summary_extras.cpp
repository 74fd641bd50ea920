#include "extension/summary_extras.hpp"

#include <cmath>

#include "core/vitals/trend.hpp"
#include "extension/binding.hpp"
#include "extension/json_value.hpp"
#include "extension/kept_plan.hpp"
#include "extension/numeric_text.hpp"
#include "extension/student_lists.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

KeptPlan measurements_plan;

constexpr std::string_view kVitals[] = {"temperature"sv,
                                        "bloodPressureSystolic"sv,
                                        "bloodPressureDiastolic"sv,
                                        "heartRate"sv,
                                        "respiratoryRate"sv,
                                        "oxygenSaturation"sv,
                                        "height"sv,
                                        "weight"sv,
                                        "bmi"sv};

// A number of a vital; null where there is none.
Numeric find_number(Jsonb *vital, std::string_view name, JsonbValue &value)
{
    if (getKeyJsonValueFromContainer(&vital->root, name.data(), static_cast<int>(name.size()), &value) == nullptr)
        return nullptr;
    return value.type == jbvNumeric ? value.val.numeric : nullptr;
}

void write_number(json::Buffer &out, Numeric number)
{
    if (number == nullptr)
        json::write_null(out);
    else
        write_numeric(out, number);
}

// Date, type and vital of every record that has one, oldest first.
SPITupleTable *select_measurements(const BoundTable &table, Datum student_id)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attribute(&query, table, record::Date);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, table, record::Type);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, table, record::Vital);
    append_from(&query, table);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, table, record::StudentId);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1 AND pg_catalog.jsonb_typeof(");
    append_attribute(&query, table, record::Vital);
    appendStringInfoString(&query, ") OPERATOR(pg_catalog.=) 'object' ORDER BY ");
    append_attribute(&query, table, record::Date);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, table, record::Id);
    Oid types[] = {table.columns[record::StudentId].type};
    return measurements_plan.select(query.data, 1, types, &student_id);
}

void write_growth(json::Buffer &out, const BoundTable &table, SPITupleTable *rows)
{
    out.append(R"(,"growth":[)"sv);
    bool first = true;
    for (uint64 i = 0; i < rows->numvals; ++i) {
        bool is_null = false;
        Jsonb *const vital = DatumGetJsonbP(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &is_null));
        JsonbValue height_value;
        JsonbValue weight_value;
        JsonbValue bmi_value;
        Numeric const height = find_number(vital, "height"sv, height_value);
        Numeric const weight = find_number(vital, "weight"sv, weight_value);
        if (height == nullptr && weight == nullptr)
            continue;
        out.append(first ? R"({"date":)"sv : R"(,{"date":)"sv);
        first = false;
        write_value(out, SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &is_null), table.columns[record::Date].type);
        out.append(R"(,"height":)"sv);
        write_number(out, height);
        out.append(R"(,"weight":)"sv);
        write_number(out, weight);
        out.append(R"(,"bmi":)"sv);
        write_number(out, find_number(vital, "bmi"sv, bmi_value));
        out.append(R"(,"recordType":)"sv);
        write_value(out, SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &is_null), table.columns[record::Type].type);
        out.append('}');
    }
    out.append(']');
}

void write_trend(json::Buffer &out, const vitals::Trend &trend)
{
    out.append(R"({"trend":)"sv);
    json::write_string(out, vitals::name(trend.direction()));
    out.append(R"(,"changeRate":)"sv);
    if (trend.has_change_rate())
        json::write_double(out, trend.change_rate());
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
    out.append('}');
}

void write_trends(json::Buffer &out, SPITupleTable *rows)
{
    vitals::Trend trends[lengthof(kVitals)];
    for (uint64 i = 0; i < rows->numvals; ++i) {
        bool is_null = false;
        Jsonb *const vital = DatumGetJsonbP(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &is_null));
        for (std::size_t v = 0; v < lengthof(kVitals); ++v) {
            JsonbValue value;
            Numeric const number = find_number(vital, kVitals[v], value);
            if (number == nullptr)
                continue;
            double const measured =
                DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
            if (std::isfinite(measured))  // numeric reaches further than double
                trends[v].add(measured);
        }
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
        SPITupleTable *const rows = select_measurements(records, student_id);
        if (extras.growth)
            write_growth(out, records, rows);
        if (extras.trends)
            write_trends(out, rows);
        SPI_freetuptable(rows);
    }
    SPI_finish();
}

}  // namespace wc
