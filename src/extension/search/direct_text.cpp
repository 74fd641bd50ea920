#include "extension/search/direct_text.hpp"

#include "extension/direct/row_bitmap.hpp"
#include "extension/search/cost.hpp"
#include "extension/search/index.hpp"
#include "extension/server/guc_scope.hpp"

extern "C" {
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
}

namespace wc {
namespace {

// The size of a sample of the index of words.  If the snapshot sees more than kExactTotal of its rows, there are more
// matches than are counted.
constexpr const char *kSample = "5000";

// How many rows beyond the needed ones are collected before they are sorted and cut.
constexpr int64 kSlack = 4096;

RowBitmap look_into_index(const RecordCursor &records, Datum tsquery)
{
    ScanKeyData key;
    begin_text_key(&key, records.text_index(), tsquery);
    return {records.text_index(), records.snapshot(), &key};
}

// Reads a sample of the rows with a common word, in a fraction of the time that all of them would take.
RowBitmap sample_index(const RecordCursor &records, Datum tsquery)
{
    GucScope scope;
    scope.set("gin_fuzzy_search_limit", kSample);
    RowBitmap const sample = look_into_index(records, tsquery);
    scope.end();
    return sample;
}

// Adds rows of the bitmap.  `latest`: the latest `most` of them; otherwise the first `most` in the table's order.
// Returns true if there are fewer.
bool take(RecordCursor &records, const RowBitmap &bitmap, Datum tsquery, int64 most, bool latest, RowList &rows)
{
    pg::BitmapPage page;
    pg::BitmapPages pages = bitmap.pages();
    while ((latest || rows.count < most) && pages.next(page)) {
        CHECK_FOR_INTERRUPTS();
        // A row is found only through its first version on the page (the root of its HOT chain), so trying all
        // positions does not find it twice.
        int const count = page.all ? static_cast<int>(MaxHeapTuplesPerPage) : page.count;
        Datum const check = page.all || page.recheck ? tsquery : Datum{0};
        for (int i = 0; i < count && (latest || rows.count < most); ++i) {
            ItemPointerData position;
            ItemPointerSet(&position, page.block,
                           page.all ? static_cast<OffsetNumber>(FirstOffsetNumber + i) : page.offsets[i]);
            if (records.fetch(&position) && records.is_wanted(check))
                records.add_to(rows);
        }
        if (rows.count > most + kSlack)
            records.keep_first(rows, most);
    }
    pages.end();
    bool const fewer = rows.count < most;
    if (latest)
        records.keep_first(rows, most);
    return fewer;
}

// Adds rows of the bitmap, up to one more than kExactTotal, and frees the bitmap, because each may take work_mem.
// Returns true if these are all.
bool take_counted(RecordCursor &records, RowBitmap bitmap, Datum tsquery, RowList &rows)
{
    bool const fewer = take(records, bitmap, tsquery, kExactTotal + 1, false, rows);
    bitmap.free();
    return fewer;
}

// Walks back from the latest record and adds those in `bitmap`, until it has `needed` of them.  Returns false if
// fetching all rows of the bitmap has become cheaper.
bool walk(RecordCursor &records, const RowBitmap &bitmap, Datum tsquery, int64 needed, RowList &rows)
{
    using Answer = RowBitmap::Answer;
    double const most = 2 * static_cast<double>(bitmap.count()) * search_cost::kFetch;
    double spent = 0;
    bool more = true;
    IndexScanDesc const scan = records.begin_walk();
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
        spent += search_cost::kStep * count;
        for (int i = 0; i < count && rows.count < needed; ++i) {
            if (answers[i] == Answer::No)
                continue;
            bool const is_sure = answers[i] == Answer::Yes;
            spent += is_sure ? search_cost::kFetch : search_cost::kVector;
            if (records.fetch(&positions[i]) && records.is_wanted(is_sure ? Datum{0} : tsquery))
                records.add_to(rows);
        }
    }
    index_endscan(scan);
    return !more || rows.count >= needed;
}

// Whether there are more matches than kExactTotal.  It first looks for whole words: looking for beginnings of words
// costs the index several times as much, and if whole words alone have more matches, the answer is known.  For a single
// word a sample of its records suffices: they are matches that the snapshot sees, like any others.
bool are_more_than_counted(RecordCursor &records, const SearchQuery &query, Matches &found)
{
    bool const is_one_word = DatumGetTSQuery(query.words)->size == 1;
    RowBitmap const some = is_one_word ? sample_index(records, query.words) : look_into_index(records, query.words);
    if (!take_counted(records, some, query.words, found.rows))
        return true;
    if (is_one_word || query.beginnings != 0) {
        found.rows.count = 0;
        return !take_counted(records, look_into_index(records, query.whole()), query.whole(), found.rows);
    }
    return false;
}

}  // namespace

bool index_of_words_finds(Datum tsquery)
{
    TSQuery const query = DatumGetTSQuery(tsquery);
    return query->size > 0 && tsquery_requires_match(GETQUERY(query));
}

Matches find_by_text(RecordCursor &records, const SearchQuery &query, int64 needed)
{
    Matches found;
    found.complete = !are_more_than_counted(records, query, found);
    if (found.complete)
        return found;

    Datum const tsquery = query.whole();
    found.rows.count = 0;
    if (records.walk_looking(
            search_cost::kVector, needed, found.rows, [&] { return records.is_wanted(tsquery); },
            [&](double share) { return share * records.all_records() * search_cost::kEntry; }))
        return found;
    found.rows.count = 0;
    RowBitmap all = look_into_index(records, tsquery);
    double const count = static_cast<double>(Max(all.count(), 1));
    double const way_back = static_cast<double>(needed) * Max(records.all_records(), count) / count;
    if (!records.has_dates() || way_back * search_cost::kStep >= count * search_cost::kFetch ||
        !walk(records, all, tsquery, needed, found.rows)) {
        found.rows.count = 0;
        (void)take(records, all, tsquery, needed, true, found.rows);
    }
    all.free();
    return found;
}

}  // namespace wc
