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
    /// Asks an index for all rows that fulfil `key`.
    RowBitmap(Relation index, Snapshot snapshot, ScanKey key);

    /// The pages in the table's order.  The set is final from here on.
    pg::BitmapPages pages() const { return pg::BitmapPages(bitmap_); }

    /// Frees its memory, which may be as much as work_mem.  REQUIRES: no other call follows.
    void free() { tbm_free(bitmap_); }

private:
    TIDBitmap *bitmap_;
};

}  // namespace wc
