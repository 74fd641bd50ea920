// The rows of one student after another through an index, a few at a time, without planner and executor.
//
// For tables and roles of which that is right (student_index.hpp); for all others there is RowStream, which gives
// the same rows, and a test compares the two.  What is saved is the start of a query for each student, and waiting: a
// student's rows lie scattered over the table, so the pages of the next few are called up ahead, from the disk too.
// From a cold disk an export takes a half to a quarter of the time.
//
// As with RowStream, what is open belongs to the calling query and ends with it, also by an error.
#pragma once
#include "extension/history_field.hpp"
#include "extension/row_stream.hpp"
#include "extension/student_index.hpp"

namespace wc {

class IndexStream {
public:
    /// Opens the table of `fields`, with the snapshot of the calling query.  False, and nothing is open, where queries
    /// must do it, for want of an index that gives the rows in the order of an export too.
    /// Whatever is kept lives in the current memory context, `fields` with it.
    bool open(const HistoryFields &fields);
    bool is_open() const noexcept { return index_ != nullptr; }

    /// Begins with the rows of another student.  `id` is kept by reference.
    void seek(Datum id);

    /// As RowStream::run, with the values of the fields in their order.
    std::uint64_t run(std::uint64_t limit, RowStream::Receive receive, void *state);

    void close();

private:
    // How many rows ahead: as many reads as one disk takes at once, and no more than a processor's misses.
    static constexpr int kAhead = 16;

    bool look_ahead();
    bool fetch();

    const HistoryFields *fields_ = nullptr;
    AttrNumber last_number_ = 0;  // the highest among the fields
    Relation table_ = nullptr;
    Relation index_ = nullptr;
    IndexScanDesc scan_ = nullptr;
    ScanDirection direction_ = ForwardScanDirection;
    ScanKeyData key_;
    Snapshot snapshot_ = nullptr;
    ResourceOwner owner_ = nullptr;
    TupleTableSlot *slot_ = nullptr;
    Datum *values_ = nullptr;
    bool *nulls_ = nullptr;
    MemoryContext context_ = nullptr;  // what access methods keep for as long as the scan
    MemoryContext row_context_ = nullptr;
    ItemPointerData ahead_[kAhead];
    int count_ = 0;
    int at_ = 0;
    bool is_at_end_ = false;  // of the index's entries for this student
};

}  // namespace wc
