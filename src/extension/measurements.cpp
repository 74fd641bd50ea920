#include "extension/measurements.hpp"

#include <cmath>

extern "C" {
#include "utils/date.h"
}

namespace wc {
namespace {

using namespace std::string_view_literals;

KeptPlan child_plan;
KeptPlan measurements_plan;
KeptPlan measurements_since_plan;

}  // namespace

Child find_child(Datum student_id)
{
    const BoundTable &students = lock_bound_table(Entity::Students);
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attribute(&query, students, student::DateOfBirth);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, students, student::Gender);
    appendStringInfoString(&query, "::pg_catalog.text");
    append_from(&query, students);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, students, student::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1");
    Oid types[] = {students.columns[student::Id].type};
    SPITupleTable *const rows = child_plan.select(query.data, 1, types, &student_id);
    Child child{};
    child.sex = growth::Sex::Other;
    if (rows->numvals > 0) {
        child.is_found = true;
        bool is_null = false;
        Datum const birth = SPI_getbinval(rows->vals[0], rows->tupdesc, 1, &is_null);
        child.has_birth_date =
            !is_null && find_day(birth, students.columns[student::DateOfBirth].type, child.birth_day);
        Datum const gender = SPI_getbinval(rows->vals[0], rows->tupdesc, 2, &is_null);
        // A sex that no reference knows is no error: there is nothing to compare with.
        if (!is_null && !growth::parse_sex(TextDatumGetCString(gender), child.sex))
            child.sex = growth::Sex::Other;
    }
    SPI_freetuptable(rows);
    pfree(query.data);
    return child;
}

SPITupleTable *select_measurements(const BoundTable &records, Datum student_id, const int64 *since)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attribute(&query, records, record::Date);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, records, record::Type);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, records, record::Vital);
    append_from(&query, records);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records, record::StudentId);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1 AND pg_catalog.jsonb_typeof(");
    append_attribute(&query, records, record::Vital);
    appendStringInfoString(&query, ") OPERATOR(pg_catalog.=) 'object'");
    if (since != nullptr) {
        appendStringInfoString(&query, " AND ");
        append_attribute(&query, records, record::Date);
        appendStringInfoString(&query, " OPERATOR(pg_catalog.>=) $2");
    }
    appendStringInfoString(&query, " ORDER BY ");
    append_attribute(&query, records, record::Date);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, records, record::Id);
    // A column without time zone holds UTC.
    Oid const time = records.columns[record::Date].type == TIMESTAMPTZOID ? TIMESTAMPTZOID : TIMESTAMPOID;
    Oid types[] = {records.columns[record::StudentId].type, time};
    Datum const values[] = {student_id, since != nullptr ? TimestampGetDatum(*since) : Datum{0}};
    SPITupleTable *const rows = since != nullptr ? measurements_since_plan.select(query.data, 2, types, values)
                                                 : measurements_plan.select(query.data, 1, types, values);
    pfree(query.data);
    return rows;
}

MeasuredAt read_measurement(const SPITupleTable *rows, uint64 at)
{
    bool is_null = false;
    return {SPI_getbinval(rows->vals[at], rows->tupdesc, 1, &is_null),
            SPI_getbinval(rows->vals[at], rows->tupdesc, 2, &is_null),
            DatumGetJsonbP(SPI_getbinval(rows->vals[at], rows->tupdesc, 3, &is_null))};
}

Numeric find_number(Jsonb *vital, std::string_view name, JsonbValue &value)
{
    if (getKeyJsonValueFromContainer(&vital->root, name.data(), static_cast<int>(name.size()), &value) == nullptr)
        return nullptr;
    return value.type == jbvNumeric ? value.val.numeric : nullptr;
}

double find_double(Jsonb *vital, std::string_view name)
{
    JsonbValue value;
    Numeric const number = find_number(vital, name, value);
    if (number == nullptr)
        return NAN;
    double const found = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
    return std::isfinite(found) ? found : NAN;
}

growth::Measurement read_growth(Jsonb *vital)
{
    return {find_double(vital, "height"sv), find_double(vital, "weight"sv), find_double(vital, "bmi"sv)};
}

bool find_microseconds(Datum time, Oid type, int64 &microseconds)
{
    if (type == DATEOID) {
        DateADT const day = DatumGetDateADT(time);
        microseconds = DATE_NOT_FINITE(day) ? 0 : static_cast<int64>(day) * USECS_PER_DAY;
        return !DATE_NOT_FINITE(day);
    }
    microseconds = DatumGetTimestamp(time);
    return !TIMESTAMP_NOT_FINITE(microseconds);
}

bool find_day(Datum time, Oid type, int64 &day)
{
    int64 microseconds = 0;
    if (!find_microseconds(time, type, microseconds))
        return false;
    day = microseconds / USECS_PER_DAY - (microseconds % USECS_PER_DAY < 0 ? 1 : 0);
    return true;
}

double age_months(const Child &child, Datum date, Oid type)
{
    int64 day = 0;
    if (!child.has_birth_date || !find_day(date, type, day))
        return NAN;
    return static_cast<double>(day - child.birth_day) / growth::kDaysPerMonth;
}

}  // namespace wc
