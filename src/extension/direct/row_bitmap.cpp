#include "extension/direct/row_bitmap.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<RowBitmap>);

RowBitmap::RowBitmap(Relation index, Snapshot snapshot, ScanKey keys, int count)
    : bitmap_(tbm_create(long{work_mem} * 1024, nullptr))
{
    IndexScanDesc const scan = pg::begin_bitmap_scan(index, snapshot, count);
    index_rescan(scan, keys, count, nullptr, 0);
    (void)index_getbitmap(scan, bitmap_);
    index_endscan(scan);
}

}  // namespace wc
