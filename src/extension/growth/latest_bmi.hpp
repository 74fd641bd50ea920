// Finds the latest measurement of a student's BMI.
#pragma once
#include "core/growth/bmi.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Measurements later than `after`, up to `until`; either may be infinite.
struct Period {
    TimestampTz after;
    TimestampTz until;
};

struct LatestBmi {
    bool is_found;            // if false, the other members are not set
    TimestampTz measured_at;  // for a date without an hour, the beginning of the day
    double bmi;               // NaN if it cannot be computed as a double
    bool is_implausible;      // height, weight or BMI is beyond CDC's limits
    bool has_category;        // false if there is no reference for the sex or the age
    growth::Category category;
};

/// Finds the latest record of the period whose vital gives a BMI; of several at one moment, the one that was entered
/// last (record_order of row.hpp).  It takes an implausible record too, because extreme values of children are mostly
/// true.  It reads through indexes if that is allowed (index_probe.hpp), otherwise by queries.  It finds nothing for an
/// unknown student, or one that a policy hides.  REQUIRES: `student_id` has the type of the students' column.
LatestBmi find_latest_bmi(Datum student_id, const Period &period);

}  // namespace wc
