// Reads a student's records in the order of pages through an index that has this order, without planner and executor.
//
// The planner cannot know how many records share a date, and may take an index that does not order them further: it
// then reads all of them for each page.  Here each page begins in the index where the last one ended.  The parts of a
// partitioned table (direct/parts.hpp) are read one after another: they follow each other in this order.
#pragma once
#include "extension/direct/parts.hpp"
#include "extension/records/cursor.hpp"

extern "C" {
#include "access/genam.h"
#include "executor/tuptable.h"
}

namespace wc {

class IndexReader {
public:
    /// Opens the records and their index, to be read with the active snapshot.  Returns false, and opens nothing, when
    /// queries must read: the conditions of direct reading do not hold, no index has the order of records, or there
    /// are filters other than those by date.
    ///
    /// REQUIRES: what `student_id` and `filters` point to lives until close().
    bool open(Datum student_id, const RecordFilters &filters, bool by_entry);
    void close();

    /// Adds at most `limit` records to `rows`: from the latest on, or from a position on.  `is_included`: the record at
    /// the position is one of them.
    void read_latest(int64 limit, RowList &rows);
    void read_beside(const RecordPosition &position, bool is_included, int64 limit, RowList &rows);

    /// Counts the records, in the same parts that are read.  Does not read pages of the table that are all visible.
    int64 count();

    /// Finds the record that comes after `offset` others, counted from the latest or from the earliest.  Returns false
    /// if there is none.  Does not read pages of the table that are all visible.
    bool find_position(int64 offset, bool from_end, RecordPosition &position);

private:
    class Keys;

    void begin_part(int number);
    void end_part();
    IndexScanDesc begin_scan(Keys &keys, bool reads_entries);
    void read_scan(Keys &keys, int64 limit, RowList &rows);
    void add_student(Keys &keys) const;
    void add_beside(Keys &keys, const SortKeys &order, int beyond, const RecordPosition &position,
                    bool is_included) const;
    bool skip(IndexScanDesc scan, ScanDirection direction, int64 &count);
    bool find_position_in_part(bool from_end, int64 &offset, RecordPosition &position);
    AttrNumber column_of(int attribute) const;

    OpenTable whole_;  // as it is attached
    Parts parts_;
    const Part *part_ = nullptr;  // the one that is read
    TupleTableSlot *slot_;        // of it
    Datum student_id_;
    const RecordFilters *filters_;
};

}  // namespace wc
