// Fetches rows of one table by their positions, one at a time, and knows which of them the caller may see.
#pragma once
#include "extension/direct/shown_rows.hpp"

namespace wc {

class RowFetch {
public:
    /// REQUIRES: the table is a plain heap, and stays open until close().
    void open(Relation table, Snapshot snapshot);
    void close();

    Snapshot snapshot() const noexcept { return snapshot_; }
    TupleTableSlot *slot() const noexcept { return slot_; }

    /// Reads the version of the row that the snapshot sees into the slot.  Returns false if it sees none.
    bool fetch(const ItemPointerData &position);

    /// Reads the version at just this position, which need not be one that an index has, into the slot.  Returns false
    /// if the snapshot does not see it.
    bool fetch_version(const ItemPointerData &position);

    /// Reads a row that was found before with the same snapshot into the slot.
    void read(const RowPlace &place);

    /// The policies of the table decide, by a statement as ShownRows has it.
    void ask_with(KeptPlan &plan, const char *statement) noexcept
    {
        shown_.begin(plan, statement, RelationGetRelid(fetch_->rel));
    }
    bool asks() const noexcept { return shown_.are_asked_about(); }

    /// Asks about all rows that the snapshot sees at these positions.  Leaves one of them in the slot.
    void ask_ahead(const ItemPointerData *positions, int count);

    /// Whether the caller may see the row in the slot.
    bool is_shown() { return !asks() || shown_.has(slot_->tts_tid); }

private:
    Snapshot snapshot_;
    IndexFetchTableData *fetch_;
    TupleTableSlot *slot_;
    ShownRows shown_;
};

/// Positions of rows, some of which are asked about together before the first of them is returned.
template <typename Positions, typename Rows>
class AskedPositions {
public:
    AskedPositions(Rows &rows, const Positions &positions) : rows_(rows), positions_(positions) {}

    bool next(ItemPointerData &position, bool &is_sure)
    {
        if (!rows_.asks())
            return positions_.next(position, is_sure);
        if (at_ == count_ && !read_ahead())
            return false;
        position = ahead_[at_];
        is_sure = are_sure_[at_++];
        return true;
    }

    void end() { positions_.end(); }

private:
    static constexpr int kFirst = 32;  // a search may need only a few
    static constexpr int kMost = 512;

    bool read_ahead()
    {
        at_ = count_ = 0;
        while (count_ < wanted_ && positions_.next(ahead_[count_], are_sure_[count_]))
            ++count_;
        wanted_ = Min(4 * wanted_, kMost);
        if (count_ == 0)
            return false;
        rows_.ask_ahead(ahead_, count_);
        return true;
    }

    Rows &rows_;
    Positions positions_;
    ItemPointerData ahead_[kMost];
    bool are_sure_[kMost];
    int wanted_ = kFirst;
    int count_ = 0;
    int at_ = 0;
};

}  // namespace wc
