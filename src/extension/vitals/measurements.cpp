#include "extension/vitals/measurements.hpp"

#include <cmath>

#include "extension/binding/enum_label.hpp"
#include "extension/server/time_zone.hpp"
#include "extension/value/json_value.hpp"

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
            !is_null && find_birth_day(birth, students.columns[student::DateOfBirth].type, child.birth_day);
        Datum const gender = SPI_getbinval(rows->vals[0], rows->tupdesc, 2, &is_null);
        // An unknown sex is no error here; the chart then has no percentiles.
        if (!is_null && !growth::parse_sex(label_text(gender, students.columns[student::Gender].type), child.sex))
            child.sex = growth::Sex::Other;
    }
    SPI_freetuptable(rows);
    pfree(query.data);
    return child;
}

void receive_measurements(const BoundTable &records, Datum student_id, const int64 *since, ReceiveRow receive,
                          void *state)
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
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1 AND ");
    append_kind_of_json(&query, records, record::Vital);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) 'object'");
    if (since != nullptr) {
        appendStringInfoString(&query, " AND ");
        append_attribute(&query, records, record::Date);
        appendStringInfoString(&query, " OPERATOR(pg_catalog.>=) $2");
    }
    append_order(&query, records, record_order(records), true);
    // A column without a time zone holds times in UTC.
    Oid const time = records.columns[record::Date].type;
    Oid types[] = {records.columns[record::StudentId].type, time};
    Datum begin = 0;
    if (since != nullptr)
        begin = time == DATEOID ? DateADTGetDatum(zone::first_day_from(*since)) : TimestampGetDatum(*since);
    Datum const values[] = {student_id, begin};
    if (since != nullptr)
        receive_rows(measurements_since_plan, query.data, 2, types, values, nullptr, receive, state);
    else
        receive_rows(measurements_plan, query.data, 1, types, values, nullptr, receive, state);
    pfree(query.data);
}

MeasuredAt measurement_of(const BoundTable &records, const Datum *row)
{
    return {row[0], row[1], as_jsonb(row[2], records.columns[record::Vital].type)};
}

Numeric find_number(Jsonb *vital, std::string_view name, JsonbValue &value)
{
    if (getKeyJsonValueFromContainer(&vital->root, name.data(), static_cast<int>(name.size()), &value) == nullptr)
        return nullptr;
    return value.type == jbvNumeric ? value.val.numeric : nullptr;
}

namespace {

// What is beside a number in the vital, as "weightUnit" beside "weight"; both blood pressures may share one unit.
enum class Beside { Nothing, Unit, Nonsense };

Beside find_unit(Jsonb *vital, std::string_view name, std::string_view &unit)
{
    constexpr std::string_view kShared = "bloodPressure";
    constexpr std::string_view kUnit = "Unit";
    JsonbValue value;
    auto const find = [&](std::string_view of) {
        char key[NAMEDATALEN];
        Assert(of.size() + kUnit.size() <= sizeof key);
        memcpy(key, of.data(), of.size());
        memcpy(key + of.size(), kUnit.data(), kUnit.size());
        return getKeyJsonValueFromContainer(&vital->root, key, static_cast<int>(of.size() + kUnit.size()), &value) !=
                   nullptr &&
               value.type != jbvNull;
    };
    if (!find(name) && (name.substr(0, kShared.size()) != kShared || !find(kShared)))
        return Beside::Nothing;
    if (value.type != jbvString)
        return Beside::Nonsense;
    // The view points into the vital.
    unit = {value.val.string.val, static_cast<std::size_t>(value.val.string.len)};
    return Beside::Unit;
}

double as_double(Numeric number)
{
    double const found = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
    return std::isfinite(found) ? found : NAN;
}

}  // namespace

Vital find_vital(Jsonb *vital, std::string_view name, JsonbValue &value)
{
    Vital found{NAN, nullptr};
    vitals::Quantity quantity{};
    if (getKeyJsonValueFromContainer(&vital->root, name.data(), static_cast<int>(name.size()), &value) == nullptr ||
        (value.type != jbvNumeric && value.type != jbvString) || !vitals::parse_vital(name, quantity))
        return found;
    std::string_view unit;
    Beside const beside = find_unit(vital, name, unit);
    if (beside == Beside::Nonsense)
        return found;
    if (value.type == jbvString) {
        std::string_view const text{value.val.string.val, static_cast<std::size_t>(value.val.string.len)};
        found.value = vitals::parse_with_unit(quantity, text, unit);
        return found;
    }
    double const number = as_double(value.val.numeric);
    found.value = vitals::in_own_unit(quantity, number, unit);
    if (beside == Beside::Nothing || found.value == number)
        found.as_given = value.val.numeric;
    return found;
}

double find_double(Jsonb *vital, std::string_view name)
{
    JsonbValue value;
    return find_vital(vital, name, value).value;
}

growth::Measurement read_growth(Jsonb *vital)
{
    return {find_double(vital, "height"sv), find_double(vital, "weight"sv), find_double(vital, "bmi"sv)};
}

bool find_microseconds(Datum time, Oid type, int64 &microseconds)
{
    if (type != DATEOID) {
        microseconds = DatumGetTimestamp(time);
        return !TIMESTAMP_NOT_FINITE(microseconds);
    }
    // Check the range, because dates reach millions of years beyond the last timestamp.
    DateADT const day = DatumGetDateADT(time);
    if (DATE_NOT_FINITE(day) || day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
        return false;
    microseconds = static_cast<int64>(day) * USECS_PER_DAY;
    return true;
}

bool find_birth_day(Datum time, Oid type, int64 &day)
{
    int64 microseconds = 0;
    if (!find_microseconds(time, type, microseconds))
        return false;
    day = type == TIMESTAMPTZOID ? zone::day_of(microseconds) : zone::whole_days(microseconds);
    return true;
}

bool find_day(Datum time, Oid type, int64 &day)
{
    if (type == DATEOID) {
        day = DatumGetDateADT(time);
        return !DATE_NOT_FINITE(DatumGetDateADT(time));
    }
    int64 microseconds = 0;
    if (!find_microseconds(time, type, microseconds))
        return false;
    day = zone::day_of(microseconds);
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
