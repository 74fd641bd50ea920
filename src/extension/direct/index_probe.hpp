// Rows of one student after another through an index and the heap, without planner and executor.
//
// Of a partitioned table it reads the parts in which rows of the student may be (parts.hpp), one after another.
//
// This is right only under conditions that the executor would otherwise take care of, and with an index that fits
// (eligibility.hpp).  `open` checks all of that every time.
#pragma once
#include "extension/direct/parts.hpp"

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
    /// the scan goes to the memory context that is current here.  The index of a partitioned table is that of a part,
    /// which seek() opens.
    ///
    /// REQUIRES: `snapshot` is registered or active until close().
    bool open(Entity entity, Reads reads, Snapshot snapshot, IndexUse use = IndexUse::DatesAndTypes);
    bool open(Entity entity, Reads reads) { return open(entity, reads, GetActiveSnapshot()); }

    /// Opens a second index of the table, or the part, that `first` reads, with the same snapshot.  Returns false, and
    /// opens nothing, when there is none.
    ///
    /// REQUIRES: `first` is closed, or goes to another part, after this one is closed.
    bool open_beside(const IndexProbe &first, Entity entity, Reads reads, IndexUse use);
    void close();

    /// Begins anew with the rows of one student.  Returns false when queries must read them, which only happens with
    /// a partitioned table.
    ///
    /// REQUIRES: what `student_id` points to lives until the next seek().
    [[nodiscard]] bool seek(Datum student_id);

    /// Goes on to the next part that may have rows of the student, all of them older.  Returns false after the last.
    bool next_part();

    /// Whether the table is partitioned.
    bool has_parts() const noexcept { return has_parts_; }

    /// Reads the student's next row of this part into the slot, in the order of the index.  Returns false after the
    /// last.
    bool next_row();

    /// Returns the next position in the index, the latest date first; null after the last of this part.
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

    /// The table whose rows are read: of a partitioned one the part, or the table itself while there is none.
    const BoundTable &table() const { return *part_.table.bound; }
    Relation heap() const { return part_.table.relation; }
    Snapshot snapshot() const { return snapshot_; }

    /// REQUIRES: seek() has found a part, if the table is partitioned.
    bool has_part() const noexcept { return scan_ != nullptr; }
    const StudentIndex &student_index() const { return part_.student_index; }
    TupleTableSlot *slot() const { return slot_; }

private:
    bool can_open();
    bool open_index();
    void begin();
    void end();
    void read_part(int number);
    void rescan();

    Entity entity_;
    Reads reads_;
    IndexUse use_;
    Snapshot snapshot_;
    OpenTable whole_;  // as it is attached
    bool owns_whole_;
    bool has_parts_;
    Parts parts_;  // open if has_parts_
    int number_;   // of the current one
    Part part_;    // what is read; the whole table if it has no parts
    Datum student_id_;
    MemoryContext scan_context_;
    IndexScanDesc scan_;  // null: there is no part
    TupleTableSlot *slot_;
    ScanKeyData key_;
};

}  // namespace wc
