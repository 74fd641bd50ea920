// Which of a student's records the snapshot sees, and what is known of each before its row is read.
//
// This is for tables without an index that has both the dates and the types of records.  One index gives the types, and
// another gives the dates in order.  They meet at the record's position in the heap: of each record that the snapshot
// sees, both have an entry with the position where the chain of its versions begins, and that position is nobody else's
// for as long as the snapshot sees the record.
#pragma once
#include "extension/binding/label.hpp"
#include "extension/direct/index_probe.hpp"
#include "extension/summary/type_counter.hpp"

namespace wc {

struct VisibleRecord {
    std::uint64_t position;
    bool is_vaccination;
    bool has_no_vital;  // false: it has, or nobody looked
};

class VisibleRecords {
public:
    /// Finds the student whom `types` was told to seek.  Counts each record by its type.  Visits the heap for records
    /// on pages that have changed since the last vacuum, and for all where the index has no type.  Allocates in the
    /// current context.  `visibility` is a pinned page of the visibility map, or InvalidBuffer.
    VisibleRecords(IndexProbe &types, const LabelMatch &vaccination, TypeCounter &counter, Buffer &visibility);

    /// Returns the record that begins at this position, or null when the snapshot sees none there.
    const VisibleRecord *find(const ItemPointerData &position) const;

    int count() const noexcept { return count_; }
    int vaccinations() const noexcept { return vaccinations_; }

private:
    void add(const ItemPointerData &position, bool is_vaccination, bool has_no_vital);

    VisibleRecord *records_ = nullptr;
    int count_ = 0;
    int capacity_ = 0;
    int vaccinations_ = 0;
};

}  // namespace wc
