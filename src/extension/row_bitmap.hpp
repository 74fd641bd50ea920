// Which rows of a table an index finds, without having looked at one: a set of positions, many of them at once.
//
// Rows that the snapshot does not see are among them, and where memory is short (work_mem) a page stands for all of
// its rows: who fetches a row sees whether it is visible, and compares it with the query when told to.
#pragma once
#include "extension/prelude.hpp"

namespace wc {

class RowBitmap {
public:
    enum class Answer : std::uint8_t { No, Maybe, Yes };

    /// Positions to ask `look_up` for at once.
    static constexpr int kBatch = 256;

    /// Asks an index for all that fulfil `key`.
    RowBitmap(Relation index, Snapshot snapshot, ScanKey key);

    /// How many rows the index named.
    int64 count() const noexcept { return count_; }

    /// In the table's order.  From here on nothing can be added.
    pg::BitmapPages pages() const { return pg::BitmapPages(bitmap_); }

    /// Which of `count` positions, at most kBatch, are in the set.
    void look_up(const ItemPointerData *positions, int count, Answer *answers) const;

    void free() { tbm_free(bitmap_); }

private:
    TIDBitmap *bitmap_;
    int64 count_;
};

}  // namespace wc
