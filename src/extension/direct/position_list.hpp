// A list of positions of rows, as long as they are few.
#pragma once
#include "extension/server/prelude.hpp"

namespace wc {

class PositionList {
public:
    /// Adds positions in the memory context that is current at the first call.
    void add(const ItemPointerData *positions, int count);

    /// Sorts them in the table's order, and keeps each once.
    void sort();

    const ItemPointerData *positions() const noexcept { return positions_; }
    int count() const noexcept { return count_; }

private:
    ItemPointerData *positions_ = nullptr;
    int count_ = 0;
    int capacity_ = 0;
};

}  // namespace wc
