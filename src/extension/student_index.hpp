// When rows may be read without planner and executor, and through which index.
#pragma once
#include "extension/binding.hpp"

namespace wc {

/// An index whose first column is the student's id.  For records, date follows, and the type of the
/// record is among the index's columns, so that counting by type needs no heap pages that are all
/// visible.
struct StudentIndex {
    Oid index;
    bool is_for_new_snapshots_only;
    Oid collation;
    FmgrInfo equal;
    ScanDirection direction;  // that gives the latest date first
    bool ties_by_id;          // of records: then those of one date come by their ids
    AttrNumber type_column;   // of the index, from 1
    AttrNumber date_column;
    AttrNumber id_column;  // of the record; 0: not in the index
};

/// Whether there is nothing that the executor would see to, or refuse: a plain heap table (no partitions, no
/// inheritance) without row-level security, of which the current role may select all columns, and the setting says
/// nothing else.
bool may_read_directly(const OpenTable &table);

/// The index by which rows of a student are found: unique on the id for students, by student id for
/// allergies and conditions, by student id and date with the type for records.  Null when there is none
/// that is valid and ordered as needed.  What was found is kept until the table changes.
const StudentIndex *find_student_index(Entity entity, const OpenTable &table);

/// What all who look for a B-tree ask.  `key` counts from 0.
bool is_usable_btree(Relation index);
bool is_ordered_by(Relation index, int key, const BoundColumn &column);

/// An index that was built over broken HOT chains is wrong for snapshots older than it; the planner asks the same
/// (get_relation_info).
bool is_for_this_snapshot(Relation index);

}  // namespace wc
