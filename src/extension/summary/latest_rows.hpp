// The latest of a student's records, of rows that come latest first.
#pragma once
#include "extension/direct/row_copy.hpp"
#include "extension/summary/facts.hpp"

namespace wc {

/// Keeps the first kLatest rows in the order of records.  Where the index leaves the order within a date open, each row
/// that ties with the last one is compared with those that are kept, and only a row that takes a place is copied: so
/// thousands of records of one date take no more memory than a few.
class LatestRows {
public:
    /// `order` is that of records.  `are_in_order`: the rows come in it, ties included.
    LatestRows(RowList &rows, const BoundTable &records, const RowOrder &order, bool are_in_order)
        : rows_(rows), records_(records), order_(order), are_in_order_(are_in_order)
    {}

    /// Whether a row of this date may be one of them.
    bool wants(Datum date) const
    {
        return rows_.count < kLatest || (!are_in_order_ && date == last().values[record::Date]);
    }

    /// Adds the slot's row if it is one of them.
    ///
    /// REQUIRES: wants() for its date.
    void add(TupleTableSlot *slot);

    /// Adds a row that was copied already, and that nobody changes.
    ///
    /// REQUIRES: as add(); the rows come in order.
    void add(const Row &copied) { rows_.add() = copied; }

    const Row &last() const { return rows_.rows[rows_.count - 1]; }

private:
    int place_of(TupleTableSlot *slot) const;

    RowList &rows_;
    const BoundTable &records_;
    const RowOrder &order_;
    bool are_in_order_;
    CopyMemory memory_[kLatest];  // of the rows, in their order
};

}  // namespace wc
