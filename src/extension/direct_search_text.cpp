// Matches by text: how many, and which are the latest.
#include "extension/direct_search.hpp"
#include "extension/search_index.hpp"

extern "C" {
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/guc.h"
}

namespace wc {
namespace {

// What things cost, in microseconds, as far as it decides which way to go: to go by one in the index of dates, to make
// a tsvector of a record, and to read an entry of the index of words.
constexpr double kStepCost = 0.15;
constexpr double kVectorCost = 8;
constexpr double kEntryCost = 0.1;

// Of how many rows a sample of the index of words is: more than kExactTotal of them visible prove that there are more.
constexpr const char *kSample = "5000";

// How many rows more than wanted are kept before they are sorted and cut.
constexpr int64 kSlack = 4096;

}  // namespace

bool DirectSearch::finds(Datum tsquery)
{
    TSQuery const query = DatumGetTSQuery(tsquery);
    return query->size > 0 && tsquery_requires_match(GETQUERY(query));
}

RowBitmap DirectSearch::look_into_index(Datum tsquery) const
{
    ScanKeyData key;
    begin_text_key(&key, text_index_, tsquery);
    return {text_index_, snapshot_, &key};
}

// Some of the rows that have a common word, read in a fraction of the time that all of them would take.
RowBitmap DirectSearch::sample_index(Datum tsquery) const
{
    int const level = NewGUCNestLevel();
    (void)set_config_option("gin_fuzzy_search_limit", kSample, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    RowBitmap const sample = look_into_index(tsquery);
    AtEOXact_GUC(true, level);
    return sample;
}

// Adds what the index found.  `latest`: of all of it the `most` that come first; else it stops at `most`, in the
// table's order.  True when there are fewer.
bool DirectSearch::take(const RowBitmap &bitmap, Datum tsquery, int64 most, bool latest, RowList &rows)
{
    RowOrder const order = order_of_results();
    pg::BitmapPage page;
    pg::BitmapPages pages = bitmap.pages();
    while ((latest || rows.count < most) && pages.next(page)) {
        CHECK_FOR_INTERRUPTS();
        // A row is reached through the first of its versions on the page alone, so that of all positions none gives it
        // twice.
        int const count = page.all ? static_cast<int>(MaxHeapTuplesPerPage) : page.count;
        Datum const check = page.all || page.recheck ? tsquery : Datum{0};
        for (int i = 0; i < count && (latest || rows.count < most); ++i) {
            ItemPointerData position;
            ItemPointerSet(&position, page.block,
                           page.all ? static_cast<OffsetNumber>(FirstOffsetNumber + i) : page.offsets[i]);
            if (fetch(&position) && slot_is_wanted(check))
                add_slot(rows);
        }
        if (rows.count > most + kSlack)
            keep_first(order, rows, most);
    }
    pages.end();
    bool const fewer = rows.count < most;
    if (latest)
        keep_first(order, rows, most);
    return fewer;
}

// Walks back from the latest record and adds those in `bitmap`, until there are `needed` of them.  False when that
// became longer than to fetch all.
bool DirectSearch::walk(const RowBitmap &bitmap, Datum tsquery, int64 needed, RowList &rows)
{
    using Answer = RowBitmap::Answer;
    double const most = 2 * static_cast<double>(bitmap.count()) * kFetchCost;
    double spent = 0;
    bool more = true;
    IndexScanDesc const scan = pg::begin_index_scan(table_.relation, date_index_, snapshot_, 0);
    index_rescan(scan, nullptr, 0, nullptr, 0);
    while (more && rows.count < needed && spent < most) {
        CHECK_FOR_INTERRUPTS();
        ItemPointerData positions[RowBitmap::kBatch];
        Answer answers[RowBitmap::kBatch];
        int count = 0;
        while (more && count < RowBitmap::kBatch) {
            const ItemPointerData *const position = index_getnext_tid(scan, ForwardScanDirection);
            more = position != nullptr;
            if (more)
                positions[count++] = *position;
        }
        bitmap.look_up(positions, count, answers);
        spent += kStepCost * count;
        for (int i = 0; i < count && rows.count < needed; ++i) {
            if (answers[i] == Answer::No)
                continue;
            bool const is_sure = answers[i] == Answer::Yes;
            spent += is_sure ? kFetchCost : kVectorCost;
            if (fetch(&positions[i]) && slot_is_wanted(is_sure ? Datum{0} : tsquery))
                add_slot(rows);
        }
    }
    index_endscan(scan);
    return !more || rows.count >= needed;
}

double DirectSearch::all_records() const { return Max(static_cast<double>(table_.relation->rd_rel->reltuples), 1); }

// Whether there are more than are counted.  Words as typed tell it soonest: the beginnings of words cost the index
// several times as much, and where there is more than is counted without them, there is with them.  Of one word even
// some of its records tell: they are matches, and seen by the snapshot, like any others.
bool DirectSearch::are_more_than_counted(const SearchQuery &query, Matches &found)
{
    bool const is_one_word = DatumGetTSQuery(query.words)->size == 1;
    RowBitmap const some = is_one_word ? sample_index(query.words) : look_into_index(query.words);
    if (!take(some, query.words, kExactTotal + 1, false, found.rows))
        return true;
    if (is_one_word || query.beginnings != 0) {
        found.rows.count = 0;
        RowBitmap const all = look_into_index(query.whole());
        return !take(all, query.whole(), kExactTotal + 1, false, found.rows);
    }
    return false;
}

Matches DirectSearch::by_text(const SearchQuery &query, int64 needed)
{
    Matches found;
    found.complete = !are_more_than_counted(query, found);
    if (found.complete)
        return found;

    Datum const tsquery = query.whole();
    found.rows.count = 0;
    if (walk_looking(
            kVectorCost, needed, found.rows, [&] { return slot_is_wanted(tsquery); },
            [&](double share) { return share * all_records() * kEntryCost; }))
        return found;
    found.rows.count = 0;
    RowBitmap const all = look_into_index(tsquery);
    double const count = static_cast<double>(Max(all.count(), 1));
    double const way_back = static_cast<double>(needed) * Max(all_records(), count) / count;
    if (date_index_ != nullptr && way_back * kStepCost < count * kFetchCost && walk(all, tsquery, needed, found.rows))
        return found;
    found.rows.count = 0;
    (void)take(all, tsquery, needed, true, found.rows);
    return found;
}

}  // namespace wc
