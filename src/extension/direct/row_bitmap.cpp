#include "extension/direct/row_bitmap.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<RowBitmap>);

RowBitmap::RowBitmap(Relation index, Snapshot snapshot, ScanKey key)
    : bitmap_(tbm_create(long{work_mem} * 1024, nullptr))
{
    IndexScanDesc const scan = pg::begin_bitmap_scan(index, snapshot, 1);
    index_rescan(scan, key, 1, nullptr, 0);
    (void)index_getbitmap(scan, bitmap_);
    index_endscan(scan);
}

}  // namespace wc
