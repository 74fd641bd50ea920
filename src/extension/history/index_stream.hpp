// The rows of one student after another through an index, a few at a time, without planner and executor.
//
// This is an IndexProbe that stays open over many calls of a set-returning function, and prefetches.  RowStream gives
// the same rows where an IndexProbe would be wrong for the table or the role; a test compares the two.  Reading through
// the index saves the start of a query for each student.  Prefetching saves waiting: a student's rows lie scattered
// over the table, so the stream prefetches the pages of the next few, from the disk too.  From a cold disk an export
// takes a half to a quarter of the time.
//
// As with RowStream, the open relations belong to the calling query, and are closed when it ends, also by an error.
#pragma once
#include "extension/direct/index_probe.hpp"
#include "extension/history/field.hpp"
#include "extension/query/row_stream.hpp"

namespace wc {

class IndexStream {
public:
    /// Opens the table of `fields`, with the snapshot of the calling query.  Returns false, and opens nothing, if
    /// queries must do the work: because an IndexProbe cannot, or because the index does not have the order of an
    /// export. The memory that the stream keeps is in the current memory context.
    ///
    /// REQUIRES: `fields` lives as long as that context.
    bool open(const HistoryFields &fields);
    bool is_open() const noexcept { return fields_ != nullptr; }

    /// Begins with the rows of another student.  Returns false if queries must read them, which only happens with a
    /// partitioned table.
    ///
    /// REQUIRES: what `id` points to lives until the next seek().
    [[nodiscard]] bool seek(Datum id);

    /// Like RowStream::run(), with the values of the fields in their order.
    std::uint64_t run(std::uint64_t limit, RowStream::Receive receive, void *state);

    void close();

private:
    // How many rows to prefetch: as many reads as one disk takes at once, and no more than the cache misses that one
    // processor has under way.
    static constexpr int kAhead = 16;

    bool open_probe(Entity entity);
    bool look_ahead();
    bool fetch_of_part();
    bool fetch();
    void begin_part();

    const HistoryFields *fields_ = nullptr;  // null: not open
    AttrNumber *numbers_ = nullptr;          // of the fields' columns, in the part that is read
    AttrNumber last_number_ = 0;             // the highest of them
    IndexProbe probe_;
    Snapshot snapshot_ = nullptr;
    ResourceOwner owner_ = nullptr;
    Datum *values_ = nullptr;
    bool *nulls_ = nullptr;
    MemoryContext context_ = nullptr;  // of the probe
    MemoryContext row_context_ = nullptr;
    ItemPointerData ahead_[kAhead];
    int count_ = 0;
    int at_ = 0;
    bool is_at_end_ = false;  // of the index's entries for this student
};

}  // namespace wc
