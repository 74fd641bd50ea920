// The BMI category of a student's latest plausible measurement.
#pragma once
#include "core/growth/bmi.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// Goes from the latest record up to `as_of` back to one whose vital gives a BMI of a known category and of which
/// nothing is implausible; of several at one moment to that with the lowest id.  Reads through indexes where that is
/// right (index_probe.hpp), else by queries.  False without such a record, and for an unknown student, which is one too
/// that a policy hides.  `student_id` is of the type of the students' column.
bool find_latest_category(Datum student_id, TimestampTz as_of, growth::Category &category);

}  // namespace wc
