#include "extension/direct/position_list.hpp"

#include <algorithm>

namespace wc {

static_assert(std::is_trivially_destructible_v<PositionList>);

namespace {

int compare(const ItemPointerData &a, const ItemPointerData &b)
{
    return ItemPointerCompare(const_cast<ItemPointer>(&a), const_cast<ItemPointer>(&b));
}

}  // namespace

void PositionList::add(const ItemPointerData *positions, int count)
{
    if (count == 0)
        return;
    if (count_ + count > capacity_) {
        capacity_ = Max(count_ + count, Max(2 * capacity_, 16));
        Size const size = sizeof(ItemPointerData) * static_cast<Size>(capacity_);
        positions_ =
            static_cast<ItemPointerData *>(positions_ == nullptr ? palloc(size) : repalloc_huge(positions_, size));
    }
    std::copy_n(positions, count, positions_ + count_);
    count_ += count;
}

void PositionList::sort()
{
    ItemPointerData *const end = positions_ + count_;
    std::sort(positions_, end, [](const ItemPointerData &a, const ItemPointerData &b) { return compare(a, b) < 0; });
    auto const same = [](const ItemPointerData &a, const ItemPointerData &b) { return compare(a, b) == 0; };
    count_ = static_cast<int>(std::unique(positions_, end, same) - positions_);
}

}  // namespace wc
