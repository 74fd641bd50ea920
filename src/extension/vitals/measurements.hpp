// Reads a student's measurements over time.
#pragma once
#include "core/growth/assessment.hpp"
#include "core/vitals/unit.hpp"
#include "extension/query/each_row.hpp"
#include "extension/value/numeric_text.hpp"

namespace wc {

/// What growth references need to know about a student.
struct Child {
    bool is_found;  // the student exists, and the caller may see it
    bool has_birth_date;
    int64 birth_day;  // since 2000-01-01
    growth::Sex sex;
};

/// Reads the student.  REQUIRES: SPI is connected.
Child find_child(Datum student_id);

struct MeasuredAt {
    Datum date;
    Datum type;
    Jsonb *vital;
};

/// Gives `receive` the rows of a student's records that have a vital, for measurement_of(), oldest first, in the
/// reverse of record_order(): of several at one moment, the one that was entered last comes last.  With `since`
/// (microseconds since 2000 in UTC), only records from then on.  REQUIRES: SPI is connected, and `receive` does not use
/// it.
void receive_measurements(const BoundTable &records, Datum student_id, const int64 *since, ReceiveRow receive,
                          void *state);
MeasuredAt measurement_of(const BoundTable &records, const Datum *row);

/// The same for an object that is called with each measurement.
template <class Take>
void for_each_measurement(const BoundTable &records, Datum student_id, const int64 *since, Take take)
{
    auto take_row = [&](const Datum *row) { take(measurement_of(records, row)); };
    using TakeRow = decltype(take_row);
    receive_measurements(
        records, student_id, since,
        [](void *state, const Datum *row, const bool *) { (*static_cast<TakeRow *>(state))(row); }, &take_row);
}

/// Finds a number in a vital; null if it is missing or not a number.  The result is valid as long as `value`.
Numeric find_number(Jsonb *vital, std::string_view name, JsonbValue &value);

/// A vital sign.
struct Vital {
    double value;      // in the vital's own unit (core/vitals/unit.hpp); NaN if unknown or beyond a double's range
    Numeric as_given;  // the record's own number if it is in that unit, else null; valid as long as the JsonbValue
};

/// Finds the vital sign of a name: a number, or a number or text whose unit follows it or is beside it, as "weightUnit"
/// beside "weight".  All functions that compute with vital signs use this.
Vital find_vital(Jsonb *vital, std::string_view name, JsonbValue &value);
double find_double(Jsonb *vital, std::string_view name);

/// Reads height, weight and BMI of a vital.
growth::Measurement read_growth(Jsonb *vital);

/// Converts a column's time to microseconds since 2000 in UTC.  Returns false for an infinite time.
bool find_microseconds(Datum time, Oid type, int64 &microseconds);

/// Converts a birth date to its calendar day, counted from 2000-01-01: for a timestamptz the day in
/// white_cross.time_zone, otherwise the day that is written there.  Returns false for an infinite date.
bool find_birth_day(Datum time, Oid type, int64 &day);

/// Converts the time of a measurement to its calendar day in white_cross.time_zone.  Returns false for an infinite
/// time.
bool find_day(Datum time, Oid type, int64 &day);

/// Returns the age in months, as CDC counts it: whole days / 30.4375.  NaN if a date is missing.
double age_months(const Child &child, Datum date, Oid type);

}  // namespace wc
