// The set of positions that an index finds for a key.  Building it reads no rows of the table.
//
// The set may contain rows that the snapshot does not see.  If it needs more memory than work_mem, it contains whole
// pages instead of rows.  So a caller that fetches a row checks that it is visible, and compares it with the query if
// the answer is Maybe.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

class RowBitmap {
public:
    enum class Answer : std::uint8_t { No, Maybe, Yes };

    /// The most positions that look_up() takes at once.
    static constexpr int kBatch = 256;

    /// Asks an index for all rows that fulfil `key`.
    RowBitmap(Relation index, Snapshot snapshot, ScanKey key);

    /// The number of rows that the index found.
    int64 count() const noexcept { return count_; }

    /// The pages in the table's order.  The set is final from here on.
    pg::BitmapPages pages() const { return pg::BitmapPages(bitmap_); }

    /// Answers for each of `count` positions whether it is in the set.
    ///
    /// REQUIRES: count <= kBatch.
    void look_up(const ItemPointerData *positions, int count, Answer *answers) const;

    /// Frees its memory, which may be as much as work_mem.  REQUIRES: no other call follows.
    void free() { tbm_free(bitmap_); }

private:
    TIDBitmap *bitmap_;
    int64 count_;
};

}  // namespace wc
