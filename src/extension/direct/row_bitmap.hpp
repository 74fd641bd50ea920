// The set of positions that an index finds for a key.  Building it reads no rows of the table.
//
// The set may contain rows that the snapshot does not see.  If it needs more memory than work_mem, it contains whole
// pages instead of rows.  So a caller that fetches a row checks that it is visible, and compares it with the query if
// the page says so.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

class RowBitmap {
public:
    /// Asks an index for all rows that fulfil each of the keys.
    RowBitmap(Relation index, Snapshot snapshot, ScanKey keys, int count = 1);

    /// The pages in the table's order.  The set is final from here on.
    pg::BitmapPages pages() const { return pg::BitmapPages(bitmap_); }

    /// Frees its memory, which may be as much as work_mem.  REQUIRES: no other call follows.
    void free() { tbm_free(bitmap_); }

private:
    TIDBitmap *bitmap_;
};

/// The rows of such a set, one position after the other in the table's order.
class BitmapRows {
public:
    explicit BitmapRows(const RowBitmap &bitmap) : bitmap_(bitmap), pages_(bitmap_.pages()) {}

    /// Goes on to the next position.  `is_sure`: its row fulfils the keys, if the snapshot sees it.
    bool next(ItemPointerData &position, bool &is_sure)
    {
        while (at_ >= (page_.all ? static_cast<int>(MaxHeapTuplesPerPage) : page_.count)) {
            if (!pages_.next(page_))
                return false;
            at_ = 0;
        }
        // A row is found only through its first version on the page (the root of its HOT chain), so trying all
        // positions does not find it twice.
        ItemPointerSet(&position, page_.block,
                       page_.all ? static_cast<OffsetNumber>(FirstOffsetNumber + at_) : page_.offsets[at_]);
        is_sure = !page_.all && !page_.recheck;
        ++at_;
        return true;
    }

    void end()
    {
        pages_.end();
        bitmap_.free();  // it may take work_mem
    }

private:
    RowBitmap bitmap_;
    pg::BitmapPages pages_;
    pg::BitmapPage page_{};
    int at_ = 0;
};

}  // namespace wc
