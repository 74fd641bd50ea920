// What change tracking needs to know of a table that has its trigger.
#pragma once
#include "extension/binding.hpp"

namespace wc {

/// A partition counts as a table of its own: its columns may stand in another order.
struct TrackedTable {
    Oid relation;  // the key
    bool is_known;
    Entity entity;
    AttrNumber student;
    Oid student_type;
    // A change of one of these changes what a growth chart shows.
    AttrNumber growth[3];
    int growth_count;
    AttrNumber vital;  // of health_records: rows without one are in no growth chart
};

/// Reads the trigger's argument.  Errors: 39P01 it names no entity.
Entity parse_entity(const Trigger &trigger);

/// What is known of `relation`, on which `trigger` fired; looked up once until its definition changes.
/// A column that is not there (any more) is InvalidAttrNumber, never an error: writes must go on.
const TrackedTable &find_tracked_table(Relation relation, const Trigger &trigger);

/// Registers the callback that forgets.  Called once, when the library is loaded.
void watch_tracked_tables();

}  // namespace wc
