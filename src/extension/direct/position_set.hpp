// A set of positions of rows, as one bit for each place of the table's pages.
//
// It takes about a thousandth of the table's size, whatever it contains.  Adding a position and looking one up take a
// few nanoseconds; in a server's bitmap (row_bitmap.hpp) they take some hundred once it has many pages.  So this is for
// sets of very many positions, and for tables of which a thousandth is little.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

class PositionSet {
public:
    /// A place within the set, from which next() goes on.
    struct Place {
        BlockNumber block = 0;
        int offset = 0;
    };

    /// Returns how many bytes a set for a table of so many pages takes, unless a page has more than 64 places for rows.
    static Size size(BlockNumber blocks) noexcept { return sizeof(std::uint64_t) * (Size{blocks} + 1); }

    /// Makes an empty set in the current memory context.  It takes no positions behind the first `blocks` pages.
    explicit PositionSet(BlockNumber blocks);

    void add(const ItemPointerData *positions, int count);
    bool has(const ItemPointerData &position) const noexcept
    {
        BlockNumber const block = ItemPointerGetBlockNumberNoCheck(&position);
        int const place = ItemPointerGetOffsetNumberNoCheck(&position);
        if (block >= blocks_ || place >= 64 * words_)
            return false;
        return (bits_[Size{block} * static_cast<Size>(words_) + static_cast<Size>(place / 64)] >> (place % 64) & 1) !=
               0;
    }
    int64 count() const noexcept;

    /// Changes it to what is in both, in either, or in this one alone.  REQUIRES: both are of the same table.
    void intersect(PositionSet &other);
    void unite(PositionSet &other);
    void subtract(PositionSet &other);
    void clear() noexcept;

    /// Finds the first position from `from` on, in the table's order, and moves `from` behind it.  Returns false if
    /// there is none.
    bool next(Place &from, ItemPointerData &position) const noexcept;

    /// REQUIRES: no other call follows.
    void free() { pfree(bits_); }

private:
    Size words() const noexcept { return Size{blocks_} * static_cast<Size>(words_); }
    void widen(int words);
    void align(PositionSet &other);

    std::uint64_t *bits_;
    BlockNumber blocks_;
    int words_ = 1;  // for each page
};

}  // namespace wc
