#include "extension/search/word_entry.hpp"

#include "extension/server/text_view.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<WordEntry>);

namespace {

constexpr OffsetNumber kColumn = 1;

// How many positions are kept of what an estimate reads: as many as a list in an entry may well have.
constexpr int kMostFew = 500;

IndexTuple tuple_at(Page page, OffsetNumber at)
{
    return static_cast<IndexTuple>(static_cast<void *>(PageGetItem(page, PageGetItemId(page, at))));
}

GinPageOpaque opaque_of(Page page)
{
    return static_cast<GinPageOpaque>(static_cast<void *>(PageGetSpecialPointer(page)));
}

// The first blocks of the trees of positions.  A tree stays where it is as long as the index does.
struct Trees {
    BlockNumber *roots = nullptr;
    int count = 0;
    int capacity = 0;

    void add(BlockNumber root)
    {
        if (count == capacity) {
            capacity = Max(2 * capacity, 8);
            Size const size = sizeof(BlockNumber) * static_cast<Size>(capacity);
            roots = static_cast<BlockNumber *>(roots == nullptr ? palloc(size) : repalloc(roots, size));
        }
        roots[count++] = root;
    }
};

// Estimates how many positions a leaf of a tree has, from the first of its compressed lists.  Decoding all of them
// takes some ten microseconds, and words with one beginning have many trees in the index of each partition.
double positions_of(Page page)
{
    if (!GinPageIsCompressed(page))
        return opaque_of(page)->maxoff;
    auto const size = static_cast<double>(GinDataLeafPageGetPostingListSize(page));
    if (size == 0)
        return 0;
    GinPostingList *const first = GinDataLeafPageGetPostingList(page);
    int count = 0;
    pfree(ginPostingListDecode(first, &count));
    return count * size / static_cast<double>(SizeOfGinPostingList(first));
}

// Calls take(page, leaves) for each leaf of a tree that has about so many, until it returns false.
template <typename Take>
void each_leaf(Relation index, BlockNumber root, Snapshot snapshot, Take take)
{
    GinBtreeData tree;
    GinBtreeStack *const stack = pg::find_first_positions(&tree, index, root, snapshot);
    Buffer buffer = stack->buffer;
    auto const predicted = stack->predictNumber;
    IncrBufferRefCount(buffer);  // freeGinBtreeStack() gives one reference back
    freeGinBtreeStack(stack);
    while (true) {
        Page const page = BufferGetPage(buffer);
        if ((opaque_of(page)->flags & GIN_DELETED) == 0 && !take(page, predicted))
            break;
        if (GinPageRightMost(page))
            break;
        buffer = ginStepRight(buffer, index, GIN_SHARE);
    }
    UnlockReleaseBuffer(buffer);
}

}  // namespace

bool WordEntry::fits(Datum key) const
{
    std::string_view const word = text_view(key);
    return is_beginning_ ? word.substr(0, lexeme_.size()) == lexeme_ : word == lexeme_;
}

void WordEntry::add_pending(const ItemPointerData &position) { pending_.add(&position, 1); }

// Calls take_list(entry) for each entry with a list of positions, and take_leaf(page, leaves) for each leaf of a tree
// of them, which has about `leaves` leaves, until that returns false.
//
// Words with one beginning follow each other in the index.  It lets go of the page with the words before it reads trees
// of positions, because VACUUM locks them in the other order.
template <typename TakeList, typename TakeLeaf>
void WordEntry::each(GinState &state, Snapshot snapshot, TakeList take_list, TakeLeaf take_leaf)
{
    GinBtreeData search;
    Datum const lexeme = PointerGetDatum(cstring_to_text_with_len(lexeme_.data(), static_cast<int>(lexeme_.size())));
    ginPrepareEntryScan(&search, kColumn, lexeme, GIN_CAT_NORM_KEY, &state);
    GinBtreeStack *const stack = pg::find_entry_page(&search, snapshot);
    (void)search.findItem(&search, stack);
    Trees trees;
    for (OffsetNumber at = stack->off;; ++at) {
        Page page = BufferGetPage(stack->buffer);
        if (at > PageGetMaxOffsetNumber(page)) {
            if (GinPageRightMost(page))
                break;
            stack->buffer = ginStepRight(stack->buffer, state.index, GIN_SHARE);
            page = BufferGetPage(stack->buffer);
            at = FirstOffsetNumber;
            if (PageGetMaxOffsetNumber(page) < at)
                continue;
        }
        IndexTuple const entry = tuple_at(page, at);
        GinNullCategory category = GIN_CAT_NORM_KEY;
        Datum const key = gintuple_get_key(&state, entry, &category);
        if (category != GIN_CAT_NORM_KEY || !fits(key))
            break;
        if (GinIsPostingTree(entry)) {
            trees.add(GinGetPostingTree(entry));
        } else if (GinGetNPosting(entry) > 0) {
            take_list(entry);
        }
        if (!is_beginning_)
            break;
    }
    LockBuffer(stack->buffer, GIN_UNLOCK);
    freeGinBtreeStack(stack);
    for (int i = 0; i < trees.count; ++i) {
        CHECK_FOR_INTERRUPTS();
        each_leaf(state.index, trees.roots[i], snapshot, take_leaf);
    }
}

double WordEntry::estimate(GinState &state, Snapshot snapshot)
{
    if (entries_ >= 0)
        return entries_;
    entries_ = pending_.count();
    few_.add(pending_.positions(), pending_.count());
    // Of a tree it looks at the first leaf only, which VACUUM may have emptied.
    each(
        state, snapshot,
        [&](IndexTuple entry) {
            entries_ += GinGetNPosting(entry);
            are_few_ = are_few_ && entries_ <= kMostFew;
            if (!are_few_)
                return;
            int count = 0;
            ItemPointer const positions = ginReadTuple(&state, kColumn, entry, &count);
            few_.add(positions, count);
            pfree(positions);
        },
        [&](Page page, std::uint32_t leaves) {
            entries_ += Max(positions_of(page), 1) * leaves;
            are_few_ = false;
            return false;
        });
    return entries_;
}

// A tree has its positions in the table's order.
void WordEntry::add_to(PositionSet &rows, GinState &state, Snapshot snapshot, BlockNumber blocks)
{
    rows.add(pending_.positions(), pending_.count());
    auto const add = [&](ItemPointer positions, int count) {
        rows.add(positions, count);
        bool const goes_on = count == 0 || ItemPointerGetBlockNumberNoCheck(&positions[count - 1]) < blocks;
        if (positions != nullptr)
            pfree(positions);
        return goes_on;
    };
    each(
        state, snapshot,
        [&](IndexTuple entry) {
            int count = 0;
            ItemPointer const positions = ginReadTuple(&state, kColumn, entry, &count);
            (void)add(positions, count);
        },
        [&](Page page, std::uint32_t) {
            ItemPointerData from;
            ItemPointerSetMin(&from);
            int count = 0;
            ItemPointer const positions = GinDataLeafPageGetItems(page, &count, from);
            return add(positions, count);
        });
}

}  // namespace wc
