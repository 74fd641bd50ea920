// Decides when rows may be read without planner and executor, and through which index.
#pragma once
#include "extension/binding/binding.hpp"

namespace wc {

/// What an index of records has beside the student's id, its first column.
enum class IndexUse : std::uint8_t {
    DatesAndTypes,  // the date follows, and the type is among the columns: counting by type visits no page of the heap
                    // that is all visible
    Dates,          // the date follows; of several, one that has the type as well
    Types,          // the type is among the columns, if any index has it
    Order,          // the whole order of records follows
};

/// An index whose first column is the student's id.
struct StudentIndex {
    Oid index;
    bool is_for_new_snapshots_only;
    Oid collation;
    FmgrInfo equal;
    ScanDirection direction;  // gives the latest date first
    bool is_in_order;         // has the whole order of records, ties included (record_order of row.hpp)
    AttrNumber type_column;   // of the index, from 1; 0: not in the index
    AttrNumber date_column;   // 0 where the date does not follow the student
    AttrNumber id_column;     // of the record; 0: not in the index
    AttrNumber entry_column;  // the time when the record was entered; 0: not in the index
};

/// Returns whether direct reading gives what the executor would give.  The table must be a plain one, the current role
/// must have SELECT on all of it, and white_cross.direct_reads must be on.
bool may_read_directly(const OpenTable &table);

/// Like may_read_directly(), for a caller that reads a partitioned table part by part (parts.hpp): then row-level
/// security and privileges are those of the table.  The executor does not ask for those of its partitions either.
bool may_read_parts_directly(const OpenTable &table);

/// Like may_read_parts_directly(), for a caller that lets the policies decide about each row that it finds, before it
/// does anything else with it (shown_rows.hpp).  Then the table may have row-level security.
bool may_read_parts_and_ask(const OpenTable &table);

inline bool is_partitioned(const OpenTable &table)
{
    return table.relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

/// Returns whether the table is a heap table without partitions, children, row-level security and virtual columns.
bool is_plain_table(const OpenTable &table);

/// The same of a table whose row-level security does not matter.
bool is_plain_heap(Relation relation);

/// Returns whether the current role may select all columns of the table.
bool may_select_all(const OpenTable &table);

/// Opens the best index that finds the rows of one student: for students a unique one on the id; for allergies and
/// conditions one that begins with the student's id; for records one that begins with it and fits `use`.  Returns null
/// if there is none, or if the best one is not right for the snapshot.
///
/// Copies the index's description into `found`, because the session's own copy is freed when the table changes, and
/// that may happen while the caller reads.
Relation open_student_index(Entity entity, const OpenTable &table, StudentIndex &found,
                            IndexUse use = IndexUse::DatesAndTypes);

/// Opens an index, and returns null when it is gone.  On a primary no index can go: REINDEX and DROP INDEX CONCURRENTLY
/// wait for whoever has locked the table.  A standby replays them and waits for nobody.
///
/// REQUIRES: the caller has locked the table.
Relation try_open_index(Oid index);

/// Returns whether the index is a valid B-tree over columns of all rows (no expressions, no condition), and whether its
/// key column `key`, counted from 0, is the table's column in the default order of its type.
bool is_usable_btree(Relation index);
bool is_ordered_by(Relation index, int key, const BoundColumn &column);

/// Returns whether the keys of an index from `first` on give the order of records when read in `direction`.
bool has_record_order(Relation index, int first, const BoundTable &records, ScanDirection direction);

/// Returns whether the index is right for the current snapshot.  An index that was built over broken HOT chains is
/// wrong for snapshots older than itself; the planner asks the same question (get_relation_info).
bool is_for_this_snapshot(Relation index);

}  // namespace wc
