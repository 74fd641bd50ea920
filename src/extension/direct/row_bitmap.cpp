#include "extension/direct/row_bitmap.hpp"

#include <algorithm>

namespace wc {
namespace {

// In bytes, for a set of kBatch positions.
constexpr int kBatchMemory = 64 * 1024;

// Packs a position, and behind it its place in the batch, into one number.  Sorted, they are in the table's order.
std::uint64_t as_number(BlockNumber block, OffsetNumber offset, int place) noexcept
{
    return std::uint64_t{block} << 32 | std::uint64_t{offset} << 16 | static_cast<std::uint64_t>(place);
}

}  // namespace

static_assert(std::is_trivially_destructible_v<RowBitmap>);

RowBitmap::RowBitmap(Relation index, Snapshot snapshot, ScanKey key)
    : bitmap_(tbm_create(long{work_mem} * 1024, nullptr)), count_(0)
{
    IndexScanDesc const scan = pg::begin_bitmap_scan(index, snapshot, 1);
    index_rescan(scan, key, 1, nullptr, 0);
    count_ = index_getbitmap(scan, bitmap_);
    index_endscan(scan);
}

// A bitmap cannot tell whether one row is in it, and a walk through a large one takes milliseconds.  So this intersects
// it with a bitmap of the positions, at the cost of a walk through the smaller of the two.
void RowBitmap::look_up(const ItemPointerData *positions, int count, Answer *answers) const
{
    Assert(count <= kBatch);
    std::uint64_t order[kBatch];
    TIDBitmap *const asked = tbm_create(kBatchMemory, nullptr);
    tbm_add_tuples(asked, const_cast<ItemPointer>(positions), count, false);
    tbm_intersect(asked, bitmap_);
    for (int i = 0; i < count; ++i) {
        answers[i] = Answer::No;
        order[i] = as_number(ItemPointerGetBlockNumber(&positions[i]), ItemPointerGetOffsetNumber(&positions[i]), i);
    }
    std::sort(order, order + count);

    int at = 0;
    pg::BitmapPage page;
    pg::BitmapPages pages(asked);
    while (pages.next(page)) {
        Assert(!page.all);
        for (int i = 0; i < page.count; ++i) {
            std::uint64_t const wanted = as_number(page.block, page.offsets[i], 0);
            while (at < count && order[at] < wanted)
                ++at;
            for (; at < count && order[at] >> 16 == wanted >> 16; ++at)
                answers[order[at] & 0xFFFF] = page.recheck ? Answer::Maybe : Answer::Yes;
        }
    }
    pages.end();
    tbm_free(asked);
}

}  // namespace wc
