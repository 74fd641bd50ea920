// One word in a GIN index of documents, or all words with one beginning: the positions of the rows that have it.
#pragma once
#include "extension/direct/position_set.hpp"

namespace wc {

class WordEntry {
public:
    /// REQUIRES: the lexeme lives as long as this.
    WordEntry(std::string_view lexeme, bool is_beginning) : lexeme_(lexeme), is_beginning_(is_beginning) {}

    std::string_view lexeme() const noexcept { return lexeme_; }
    bool is_beginning() const noexcept { return is_beginning_; }

    /// Whether a key of the index is the word, or has the beginning.
    bool fits(Datum key) const;

    /// Adds a row that the index has not sorted in yet.
    void add_pending(const ItemPointerData &position);

    /// Estimates how many rows have it; 0 only if none has.
    double estimate(GinState &state, Snapshot snapshot);

    /// Adds those of its rows to a set that are in the first `blocks` pages of the table.
    void add_to(PositionSet &rows, GinState &state, Snapshot snapshot, BlockNumber blocks);

private:
    template <typename TakeList, typename TakeLeaf>
    void each(GinState &state, Snapshot snapshot, TakeList take_list, TakeLeaf take_leaf);

    std::string_view lexeme_;
    bool is_beginning_;
    ItemPointerData *pending_ = nullptr;
    int pending_count_ = 0;
    int pending_capacity_ = 0;
    double entries_ = -1;  // as estimated; negative: not yet
};

}  // namespace wc
