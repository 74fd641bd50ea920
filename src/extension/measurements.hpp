// What was measured of a student over time.
#pragma once
#include "core/growth/assessment.hpp"
#include "extension/kept_plan.hpp"
#include "extension/numeric_text.hpp"

namespace wc {

/// The student as far as growth is concerned.
struct Child {
    bool is_found;  // there is such a student, and the caller may see it
    bool has_birth_date;
    int64 birth_day;  // since 2000-01-01
    growth::Sex sex;
};

/// Reads the student.  Between SPI_connect and SPI_finish.
Child find_child(Datum student_id);

/// Date, type and vital of every record of a student that has a vital, oldest first, ties by id; those from `since` on
/// (microseconds since 2000 in UTC), if it is not null.  Between SPI_connect and SPI_finish; give the rows back with
/// SPI_freetuptable.
SPITupleTable *select_measurements(const BoundTable &records, Datum student_id, const int64 *since);

struct MeasuredAt {
    Datum date;
    Datum type;
    Jsonb *vital;
};
MeasuredAt read_measurement(const SPITupleTable *rows, uint64 at);

/// A number of a vital, for as long as `value` is there; null where there is none, or something else than a number.
Numeric find_number(Jsonb *vital, std::string_view name, JsonbValue &value);
/// The same as a double.  NaN where there is none, and where it is beyond a double's range.
double find_double(Jsonb *vital, std::string_view name);

/// Height, weight and BMI of a vital, as numbers.
growth::Measurement read_growth(Jsonb *vital);

/// A time of a column, in microseconds since 2000 in UTC.  False for an infinite one.
bool find_microseconds(Datum time, Oid type, int64 &microseconds);

/// The calendar day of a time in UTC, counted from 2000-01-01.  False for an infinite one.
bool find_day(Datum time, Oid type, int64 &day);

/// From day to day, as CDC counts it: whole days / 30.4375.  NaN where a date is missing.
double age_months(const Child &child, Datum date, Oid type);

}  // namespace wc
