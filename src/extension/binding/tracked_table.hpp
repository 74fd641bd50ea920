// What change tracking knows about a table with its trigger.
#pragma once
#include "extension/binding/binding.hpp"

namespace wc {

/// A partition has an entry of its own, because the order of its columns may differ.
struct TrackedTable {
    Oid relation;  // the key
    bool is_known;
    Entity entity;
    Oid students;        // the students' table
    AttrNumber student;  // InvalidAttrNumber if the column is gone, or cannot hold students' ids any more
    Oid student_type;
    // A change in one of these columns makes growth charts stale.
    AttrNumber growth[5];
    int growth_count;
    AttrNumber vital;  // for health_records: growth charts do not show rows whose vital is NULL
};

/// Reads the entity from the trigger's argument.  Errors: 39P01 the argument is not an entity.
Entity parse_entity(const Trigger &trigger);

/// Returns what is known about `relation`, on which `trigger` fired; cached until its definition changes.  A missing
/// column gives InvalidAttrNumber and no error, because writes must go on.  So does a column of students' ids whose
/// type differs from that of the students' table, because it does not identify a student.
TrackedTable find_tracked_table(Relation relation, const Trigger &trigger);

/// Registers the callback that drops cached entries.  Called once, when the library is loaded.
void watch_tracked_tables();

}  // namespace wc
