#include "extension/summary/latest_rows.hpp"

#include <algorithm>

namespace wc {

static_assert(std::is_trivially_destructible_v<LatestRows>);

namespace {

// Copies what a summary shows of a record, and when the record was entered, which orders records of the same date.
void copy_record(TupleTableSlot *slot, const BoundTable &records, Row &row, CopyMemory &memory)
{
    copy_row(slot, records, record::kSummaryCount, row, memory);
    if (knows_entry(records))
        row.values[record::CreatedAt] =
            slot_getattr(slot, records.columns[record::CreatedAt].number, &row.nulls[record::CreatedAt]);
}

}  // namespace

// Returns the place of the slot's row among those that are kept; kLatest if they all come before it.
int LatestRows::place_of(TupleTableSlot *slot) const
{
    int place = rows_.count;
    if (are_in_order_ || place == 0)
        return place;
    Row row;
    for (const SortKey &key : record_order(*records_))
        row.values[key.attribute] =
            slot_getattr(slot, records_->columns[key.attribute].number, &row.nulls[key.attribute]);
    while (place > 0 && order_.compare(row, rows_.rows[place - 1]) < 0)
        --place;
    return place;
}

void LatestRows::add(TupleTableSlot *slot)
{
    int const place = place_of(slot);
    if (place == kLatest)
        return;
    if (rows_.count < kLatest)
        rows_.add();
    // The last row, or the new place, comes to where the slot's row belongs, together with its memory.
    int const end = rows_.count;
    std::rotate(rows_.rows + place, rows_.rows + end - 1, rows_.rows + end);
    std::rotate(memory_ + place, memory_ + end - 1, memory_ + end);
    copy_record(slot, *records_, rows_.rows[place], memory_[place]);
}

}  // namespace wc
