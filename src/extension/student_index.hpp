// Finds the indexes that direct reading goes through.
#pragma once
#include "extension/index_probe.hpp"

namespace wc {

/// The index by which rows of a student are found: unique on the id for students, by student id for
/// allergies, by student id and date with the type for records.  Null when there is none that is valid
/// and ordered as needed.  What was found is kept until the table changes.
const StudentIndex *find_student_index(Entity entity, const OpenTable &table);

}  // namespace wc
