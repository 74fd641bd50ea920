// Finds the indexes that direct reading goes through.
#pragma once
#include "extension/direct_reader.hpp"

namespace wc {

/// The index by which rows of a student are found: unique on the id for students, by student id for
/// allergies, by student id and date with the type for records.  Null when there is none that is valid
/// and ordered as needed.  What was found is kept until the table changes.
const StudentIndex *find_student_index(Entity entity, const OpenTable &table);

/// What all who look for a B-tree ask.  `key` counts from 0.
bool is_usable_btree(Relation index);
bool is_ordered_by(Relation index, int key, const BoundColumn &column);

/// An index that was built over broken HOT chains is wrong for snapshots older than it; the planner asks the same
/// (get_relation_info).
bool is_for_this_snapshot(Relation index);

}  // namespace wc
