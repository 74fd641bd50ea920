#include "extension/search/word_index.hpp"

#include <limits>
#include <utility>

extern "C" {
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<WordIndex>);

namespace {

// How many times work_mem the sets of one tsquery may take.  A set takes a thousandth of the table, so with the default
// of work_mem there is room for three sets for a table of 10 GB.
constexpr int kMemories = 8;

// The operands of an operator, in the order in which they were written.
const QueryItem *first_of(const QueryItem *item) { return item + item->qoperator.left; }
const QueryItem *second_of(const QueryItem *item) { return item + 1; }

bool is_not(const QueryItem *item) { return item->qoperator.oper == OP_NOT; }

// Returns how many sets there are at once while an item is evaluated, the left operand first.
int sets_of(const QueryItem *item)
{
    check_stack_depth();
    if (item->type == QI_VAL)
        return 1;
    if (is_not(item))
        return sets_of(second_of(item));
    return Max(sets_of(first_of(item)), sets_of(second_of(item)) + 1);
}

}  // namespace

WordIndex::WordIndex(Relation index, Relation table, Snapshot snapshot, Datum tsquery)
    : snapshot_(snapshot), query_(DatumGetTSQuery(tsquery)), table_(table), count_(0)
{
    initGinState(&state_, index);
    pgstat_count_index_scan(index);
    // Of a serializable transaction it locks all of the index at once.
    PredicateLockRelation(index, snapshot);
    words_ = static_cast<WordEntry *>(palloc(sizeof(WordEntry) * static_cast<Size>(query_->size)));
    for (int i = 0; i < query_->size; ++i) {
        const QueryOperand &operand = GETQUERY(query_)[i].qoperand;
        if (operand.type != QI_VAL)
            continue;
        std::string_view const lexeme{GETOPERAND(query_) + operand.distance, operand.length};
        new (&words_[count_++]) WordEntry(lexeme, operand.prefix);
    }
    read_pending();
}

// Reads what was inserted and not sorted in yet.  It comes before the words are looked up, so that what VACUUM sorts in
// meanwhile is found at least once.  It locks a page before it lets go of the one before, as the server does, because
// VACUUM removes pages.
void WordIndex::read_pending()
{
    Buffer buffer = ReadBuffer(state_.index, GIN_METAPAGE_BLKNO);
    LockBuffer(buffer, GIN_SHARE);
    BlockNumber block = GinPageGetMeta(BufferGetPage(buffer))->head;
    while (block != InvalidBlockNumber) {
        Buffer const next = ReadBuffer(state_.index, block);
        LockBuffer(next, GIN_SHARE);
        UnlockReleaseBuffer(buffer);
        buffer = next;
        Page const page = BufferGetPage(buffer);
        read_pending_page(page);
        block = static_cast<GinPageOpaque>(static_cast<void *>(PageGetSpecialPointer(page)))->rightlink;
    }
    UnlockReleaseBuffer(buffer);
}

void WordIndex::read_pending_page(Page page)
{
    OffsetNumber const last = PageGetMaxOffsetNumber(page);
    for (OffsetNumber at = FirstOffsetNumber; at <= last; ++at) {
        auto *const entry = static_cast<IndexTuple>(static_cast<void *>(PageGetItem(page, PageGetItemId(page, at))));
        GinNullCategory category = GIN_CAT_NORM_KEY;
        Datum const key = gintuple_get_key(&state_, entry, &category);
        if (category != GIN_CAT_NORM_KEY)
            continue;
        for (int i = 0; i < count_; ++i) {
            if (words_[i].fits(key))
                words_[i].add_pending(entry->t_tid);
        }
    }
}

// Asks the system only where it matters: that takes as long as to find a rare word.
BlockNumber WordIndex::blocks()
{
    if (blocks_ == InvalidBlockNumber)
        blocks_ = RelationGetNumberOfBlocks(table_);
    return blocks_;
}

bool WordIndex::fits()
{
    Size const room = Size{1024} * static_cast<Size>(work_mem) * kMemories;
    return static_cast<Size>(sets_of(GETQUERY(query_))) * PositionSet::size(blocks()) <= room;
}

// Returns the place in words_, which has the operands in the order of the tsquery's items.
int WordIndex::word_of(const QueryItem *item) const
{
    int word = 0;
    for (const QueryItem *other = GETQUERY(query_); other != item; ++other)
        word += other->type == QI_VAL ? 1 : 0;
    return word;
}

double WordIndex::estimate(const QueryItem *item)
{
    check_stack_depth();
    if (item->type == QI_VAL)
        return words_[word_of(item)].estimate(state_, snapshot_);
    if (is_not(item))
        return std::numeric_limits<double>::infinity();
    double const first = estimate(first_of(item));
    double const second = estimate(second_of(item));
    return item->qoperator.oper == OP_OR ? first + second : Min(first, second);
}

double WordIndex::work()
{
    double positions = 0;
    for (int i = 0; i < count_; ++i)
        positions += words_[i].estimate(state_, snapshot_);
    return positions;
}

void WordIndex::look_at(double share)
{
    blocks_ = static_cast<BlockNumber>(Min(share, 1.0) * static_cast<double>(blocks()));
}

bool WordIndex::find_few(PositionList &rows, bool &exact) const
{
    exact = true;
    int word = 0;
    for (int i = 0; i < query_->size; ++i) {
        const QueryItem &item = GETQUERY(query_)[i];
        if (item.type != QI_VAL) {
            if (item.qoperator.oper != OP_OR)
                return false;
            continue;
        }
        const PositionList *const few = words_[word++].few();
        if (few == nullptr)
            return false;
        rows.add(few->positions(), few->count());
        exact = exact && item.qoperand.weight == 0;
    }
    rows.sort();
    return true;
}

PositionSet WordIndex::rows_of(const QueryItem *item)
{
    PositionSet rows(blocks());
    words_[word_of(item)].add_to(rows, state_, snapshot_, blocks_);
    return rows;
}

WordIndex::Found WordIndex::find()
{
    Part const all = evaluate(GETQUERY(query_), false);
    Assert(!all.negated);
    return {all.rows, all.exact};
}

// Evaluates a part of the tsquery.  What the index cannot tell counts as fulfilled.
WordIndex::Part WordIndex::evaluate(const QueryItem *item, bool in_phrase)
{
    check_stack_depth();
    if (item->type == QI_VAL)
        return {rows_of(item), false, item->qoperand.weight == 0};
    bool const is_phrase = item->qoperator.oper == OP_PHRASE;
    if (is_not(item)) {
        Part part = evaluate(second_of(item), in_phrase);
        // Within a phrase a word is excluded from a place only, and not from the row.
        if (in_phrase || !part.exact) {
            part.rows.clear();
            return {part.rows, true, false};
        }
        return {part.rows, !part.negated, true};
    }
    Part a = evaluate(first_of(item), in_phrase || is_phrase);
    Part b = evaluate(second_of(item), in_phrase || is_phrase);
    if (a.negated && !b.negated)
        std::swap(a, b);
    bool const both = item->qoperator.oper != OP_OR;
    bool negated = a.negated;
    if (a.negated == b.negated && both != a.negated) {
        a.rows.intersect(b.rows);
    } else if (a.negated == b.negated) {
        a.rows.unite(b.rows);
    } else if (both) {
        a.rows.subtract(b.rows);
    } else {
        // All but those that b has and a has not.
        std::swap(a.rows, b.rows);
        a.rows.subtract(b.rows);
        negated = true;
    }
    b.rows.free();
    return {a.rows, negated, a.exact && b.exact && !is_phrase};
}

}  // namespace wc
