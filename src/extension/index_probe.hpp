// Rows of one student after another through an index and the heap, without planner and executor.
//
// This is right only under conditions that the executor would otherwise take care of, and with the index there
// (student_index.hpp).  `open` checks all of that every time.
#pragma once
#include "extension/student_index.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
}

namespace wc {

class IndexProbe {
public:
    /// False when queries must do it, and report what there is to report; nothing is open then.  What access methods
    /// keep for as long as the scan goes to the current context, whichever is current later.
    bool open(Entity entity);
    void close();

    /// Begins anew with the rows of one student.
    void seek(Datum student_id);

    /// The next of them into the slot, in the order of the index.  False after the last.
    bool next_row();

    /// The next position in the index, the latest date first; null after the last.  `index_value` reads the entry.
    ItemPointer next_position();
    Datum index_value(AttrNumber column, bool &is_null) const;
    /// The row at that position into the slot.  False where the snapshot sees none.
    bool fetch();

    const BoundTable &table() const { return *table_.bound; }
    Relation heap() const { return table_.relation; }
    Snapshot snapshot() const { return scan_->xs_snapshot; }
    const StudentIndex &student_index() const { return *student_index_; }
    TupleTableSlot *slot() const { return slot_; }

private:
    OpenTable table_;
    const StudentIndex *student_index_;
    MemoryContext scan_context_;
    Relation index_;
    IndexScanDesc scan_;
    TupleTableSlot *slot_;
    ScanKeyData key_;
};

}  // namespace wc
