// Rows of one student after another through an index and the heap, without planner and executor.
//
// This is right only under conditions that the executor would otherwise take care of, and with an index that fits
// (eligibility.hpp).  `open` checks all of that every time.
#pragma once
#include "extension/direct/eligibility.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
}

namespace wc {

class IndexProbe {
public:
    enum class Reads {
        Rows,            // of the heap alone
        EntriesAndRows,  // index_value() too, for which the index must copy each entry
    };

    /// Opens the table of an entity and its index, to be read with `snapshot`.  Returns false, and opens nothing, when
    /// queries must do the work, which then report what there is to report.  What access methods keep for as long as
    /// the scan goes to the memory context that is current here.
    ///
    /// REQUIRES: `snapshot` is registered or active until close().
    bool open(Entity entity, Reads reads, Snapshot snapshot, IndexUse use = IndexUse::DatesAndTypes);
    bool open(Entity entity, Reads reads) { return open(entity, reads, GetActiveSnapshot()); }

    /// Opens a second index of the table that `first` reads, with the same snapshot.  Returns false, and opens nothing,
    /// when there is none.
    ///
    /// REQUIRES: `first` is closed after this one.
    bool open_beside(const IndexProbe &first, Entity entity, Reads reads, IndexUse use);
    void close();

    /// Begins anew with the rows of one student.
    ///
    /// REQUIRES: what `student_id` points to lives until the next seek().
    void seek(Datum student_id);

    /// Reads the student's next row into the slot, in the order of the index.  Returns false after the last.
    bool next_row();

    /// Returns the next position in the index, the latest date first; null after the last.
    ItemPointer next_position();

    /// Returns a value of the index entry at the position that next_position() returned.
    ///
    /// REQUIRES: Reads::EntriesAndRows.
    Datum index_value(AttrNumber column, bool &is_null) const;

    /// Reads the row at that position into the slot.  Returns false where the snapshot sees none.
    bool fetch();

    /// Like fetch(), for a position that next_position() returned before.  Does not mark the index entries of dead rows
    /// as an index scan does: the scan is ahead of them.
    bool fetch_at(const ItemPointerData &position);

    /// Begins to load the page of a position that next_position() returned before, and then its row, without waiting
    /// for it: so a caller waits for several rows at once.  Pins nothing: possibly wasted, never wrong.
    Buffer prefetch_page(const ItemPointerData &position) const;
    static void prefetch_row(const ItemPointerData &position, Buffer page);

    const BoundTable &table() const { return *table_.bound; }
    Relation heap() const { return table_.relation; }
    Snapshot snapshot() const { return scan_->xs_snapshot; }
    const StudentIndex &student_index() const { return student_index_; }
    TupleTableSlot *slot() const { return slot_; }

private:
    void begin(Reads reads, Snapshot snapshot);

    OpenTable table_;
    bool owns_table_;
    StudentIndex student_index_;
    MemoryContext scan_context_;
    Relation index_;
    IndexScanDesc scan_;
    TupleTableSlot *slot_;
    ScanKeyData key_;
};

}  // namespace wc
