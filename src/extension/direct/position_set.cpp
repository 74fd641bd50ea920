#include "extension/direct/position_set.hpp"

#include <bit>

namespace wc {

static_assert(std::is_trivially_destructible_v<PositionSet>);

namespace {

std::uint64_t *no_bits(Size words)
{
    return static_cast<std::uint64_t *>(MemoryContextAllocExtended(
        CurrentMemoryContext, sizeof(std::uint64_t) * (words + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
}

}  // namespace

PositionSet::PositionSet(BlockNumber blocks) : bits_(no_bits(blocks)), blocks_(blocks) {}

void PositionSet::add(const ItemPointerData *positions, int count)
{
    for (int i = 0; i < count; ++i) {
        BlockNumber const block = ItemPointerGetBlockNumberNoCheck(&positions[i]);
        int const place = ItemPointerGetOffsetNumberNoCheck(&positions[i]);
        if (block >= blocks_)
            continue;
        if (place >= 64 * words_)
            widen(place / 64 + 1);
        bits_[Size{block} * static_cast<Size>(words_) + static_cast<Size>(place / 64)] |= std::uint64_t{1}
                                                                                          << (place % 64);
    }
}

int64 PositionSet::count() const noexcept
{
    int64 found = 0;
    for (Size i = 0; i < words(); ++i)
        found += std::popcount(bits_[i]);
    return found;
}

void PositionSet::widen(int words)
{
    std::uint64_t *const wider = no_bits(Size{blocks_} * static_cast<Size>(words));
    for (BlockNumber block = 0; block < blocks_; ++block)
        memcpy(wider + Size{block} * static_cast<Size>(words), bits_ + Size{block} * static_cast<Size>(words_),
               sizeof(std::uint64_t) * static_cast<Size>(words_));
    pfree(bits_);
    bits_ = wider;
    words_ = words;
}

void PositionSet::align(PositionSet &other)
{
    Assert(blocks_ == other.blocks_);
    if (words_ < other.words_)
        widen(other.words_);
    if (other.words_ < words_)
        other.widen(words_);
}

void PositionSet::intersect(PositionSet &other)
{
    align(other);
    for (Size i = 0; i < words(); ++i)
        bits_[i] &= other.bits_[i];
}

void PositionSet::unite(PositionSet &other)
{
    align(other);
    for (Size i = 0; i < words(); ++i)
        bits_[i] |= other.bits_[i];
}

void PositionSet::subtract(PositionSet &other)
{
    align(other);
    for (Size i = 0; i < words(); ++i)
        bits_[i] &= ~other.bits_[i];
}

void PositionSet::clear() noexcept { memset(bits_, 0, sizeof(std::uint64_t) * words()); }

bool PositionSet::next(Place &from, ItemPointerData &position) const noexcept
{
    for (; from.block < blocks_; ++from.block, from.offset = 0) {
        while (from.offset < 64 * words_) {
            std::uint64_t const rest =
                bits_[Size{from.block} * static_cast<Size>(words_) + static_cast<Size>(from.offset / 64)] >>
                (from.offset % 64);
            if (rest == 0) {
                from.offset = (from.offset / 64 + 1) * 64;
                continue;
            }
            from.offset += std::countr_zero(rest);
            ItemPointerSet(&position, from.block, static_cast<OffsetNumber>(from.offset++));
            return true;
        }
    }
    return false;
}

}  // namespace wc
