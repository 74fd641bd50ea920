// The latest of a student's records, of rows that come latest first.
#pragma once
#include "extension/direct/row_copy.hpp"
#include "extension/summary/facts.hpp"

namespace wc {

/// Keeps the first kLatest rows in the order of records.  Where the index leaves the order within a date open, each row
/// that ties with the last one is compared with those that are kept, and only a row that takes a place is copied: so
/// thousands of records of one date take no more memory than a few.
///
/// The rows may come from several tables, parts of one (direct/parts.hpp), and each row of a part is older than all
/// rows of the parts before it.
class LatestRows {
public:
    /// `order` is that of records.
    LatestRows(RowList &rows, const RowOrder &order) : rows_(rows), order_(order) {}

    /// Says where the next rows come from.  `are_in_order`: they come in the order of records, ties included.
    void begin_part(const BoundTable &records, bool are_in_order)
    {
        records_ = &records;
        are_in_order_ = are_in_order;
    }

    /// Whether a row of this date may be one of them.
    bool wants(Datum date) const
    {
        return rows_.count < kLatest || (!are_in_order_ && date == last().values[record::Date]);
    }

    /// Adds the slot's row if it is one of them.
    ///
    /// REQUIRES: wants() for its date; begin_part() was called.
    void add(TupleTableSlot *slot);

    /// Adds a row that was copied already, and that nobody changes.
    ///
    /// REQUIRES: as add(); the rows come in order.
    void add(const Row &copied) { rows_.add() = copied; }

    const Row &last() const { return rows_.rows[rows_.count - 1]; }

private:
    int place_of(TupleTableSlot *slot) const;

    RowList &rows_;
    const BoundTable *records_ = nullptr;
    const RowOrder &order_;
    bool are_in_order_ = false;
    CopyMemory memory_[kLatest];  // of the rows, in their order
};

}  // namespace wc
