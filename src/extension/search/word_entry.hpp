// One word in a GIN index of documents, or all words with one beginning: the positions of the rows that have it.
#pragma once
#include "extension/direct/position_list.hpp"
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

    /// Estimates how many rows have it; 0 only if none has.  Keeps their positions if they are few.
    double estimate(GinState &state, Snapshot snapshot);

    /// The positions that estimate() has kept, in any order; null: there were too many.
    const PositionList *few() const noexcept { return are_few_ ? &few_ : nullptr; }

    /// Adds those of its rows to a set that are in the first `blocks` pages of the table.
    void add_to(PositionSet &rows, GinState &state, Snapshot snapshot, BlockNumber blocks);

private:
    template <typename TakeList, typename TakeLeaf>
    void each(GinState &state, Snapshot snapshot, TakeList take_list, TakeLeaf take_leaf);

    std::string_view lexeme_;
    bool is_beginning_;
    PositionList pending_;
    PositionList few_;
    bool are_few_ = true;
    double entries_ = -1;  // as estimated; negative: not yet
};

}  // namespace wc
