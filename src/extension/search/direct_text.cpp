#include "extension/search/direct_text.hpp"

#include "extension/direct/leaf_walk.hpp"
#include "extension/direct/row_bitmap.hpp"
#include "extension/search/cost.hpp"
#include "extension/search/index.hpp"
#include "extension/search/word_index.hpp"

extern "C" {
#include "tsearch/ts_utils.h"
}

namespace wc {
namespace {

// From so many matches on, sets of positions are used instead of a bitmap: fewer are fetched and sorted in any case.
constexpr double kMany = kExactTotal;

// How many matches a look at a part of the table should find, if it is for one word.  Of several words it is unknown
// how often they come together, so it looks at more.
constexpr double kSample = 5'000;
constexpr double kSampleOfSeveral = 20'000;

// How many rows beyond the needed ones are collected before they are sorted and cut.
constexpr int64 kSlack = 4096;

// The rows that the server's bitmap of a tsquery contains, one position after the other in the table's order.
class BitmapRows {
public:
    BitmapRows(const RecordCursor &records, Datum tsquery)
        : bitmap_(look_into_index(records, tsquery)), pages_(bitmap_.pages())
    {}

    bool next(ItemPointerData &position, bool &is_sure)
    {
        while (at_ >= (page_.all ? static_cast<int>(MaxHeapTuplesPerPage) : page_.count)) {
            if (!pages_.next(page_))
                return false;
            at_ = 0;
        }
        // A row is found only through its first version on the page (the root of its HOT chain), so trying all
        // positions does not find it twice.
        ItemPointerSet(&position, page_.block,
                       page_.all ? static_cast<OffsetNumber>(FirstOffsetNumber + at_) : page_.offsets[at_]);
        is_sure = !page_.all && !page_.recheck;
        ++at_;
        return true;
    }

    void end()
    {
        pages_.end();
        bitmap_.free();  // it may take work_mem
    }

private:
    static RowBitmap look_into_index(const RecordCursor &records, Datum tsquery)
    {
        ScanKeyData key;
        begin_text_key(&key, records.text_index(), tsquery);
        return {records.text_index(), records.snapshot(), &key};
    }

    RowBitmap bitmap_;
    pg::BitmapPages pages_;
    pg::BitmapPage page_{};
    int at_ = 0;
};

// The rows of a set, likewise.
class SetRows {
public:
    explicit SetRows(const WordIndex::Found &found) : found_(found) {}

    bool next(ItemPointerData &position, bool &is_sure)
    {
        is_sure = found_.exact;
        return found_.rows.next(place_, position);
    }

    void end() {}

private:
    const WordIndex::Found &found_;
    PositionSet::Place place_;
};

// Adds matches among the given positions.  `latest`: the latest `most` of them; otherwise the first `most` in the
// table's order.  Returns true if there are fewer.
template <typename Positions>
bool take(RecordCursor &records, Positions positions, Datum tsquery, int64 most, bool latest, RowList &rows)
{
    ItemPointerData position;
    bool is_sure = false;
    rows.count = 0;
    while ((latest || rows.count < most) && positions.next(position, is_sure)) {
        CHECK_FOR_INTERRUPTS();
        if (records.fetch(&position) && records.is_wanted(is_sure ? Datum{0} : tsquery))
            records.add_to(rows);
        if (rows.count > most + kSlack)
            records.keep_first(rows, most);
    }
    positions.end();
    bool const fewer = rows.count < most;
    if (latest)
        records.keep_first(rows, most);
    return fewer;
}

// Adds matches, up to one more than kExactTotal.  Returns true if these are all.
template <typename Positions>
bool take_counted(RecordCursor &records, Positions positions, Datum tsquery, RowList &rows)
{
    return take(records, positions, tsquery, kExactTotal + 1, false, rows);
}

// Walks back from the latest record and adds those in the set, until it has `needed` of them.  Returns false if
// fetching all rows of the set has become cheaper.
bool walk(RecordCursor &records, const WordIndex::Found &found, double most, Datum tsquery, int64 needed, RowList &rows)
{
    double spent = 0;
    bool more = true;
    rows.count = 0;
    LeafWalk leaves = records.begin_leaf_walk();
    while (rows.count < needed && spent < most) {
        more = leaves.next();
        if (!more)
            break;
        spent += search_cost::kStep * leaves.count();
        for (int i = 0; i < leaves.count() && rows.count < needed; ++i) {
            ItemPointerData position = leaves.positions()[i];
            if (!found.rows.has(position))
                continue;
            spent += found.exact ? search_cost::kFetch : search_cost::kVector;
            if (records.fetch(&position) && records.is_wanted(found.exact ? Datum{0} : tsquery))
                records.add_to(rows);
        }
    }
    leaves.end();
    return !more || rows.count >= needed;
}

// Whether a part of the table alone has more matches than are counted.  It looks for whole words only, because
// beginnings of words cost the index several times as much.
bool has_part_more_than_counted(RecordCursor &records, const SearchQuery &query, RowList &rows)
{
    WordIndex some(records.text_index(), records.table().relation, records.snapshot(), query.words);
    bool const is_one_word = DatumGetTSQuery(query.words)->size == 1;
    double const share = (is_one_word ? kSample : kSampleOfSeveral) / Max(some.estimate(), 1);
    if (share > 0.5)
        return false;
    some.look_at(share);
    WordIndex::Found found = some.find();
    bool const more = !take_counted(records, SetRows(found), query.words, rows);
    found.rows.free();
    return more;
}

bool walk_looking(RecordCursor &records, Datum tsquery, double other_way, int64 needed, RowList &rows)
{
    rows.count = 0;
    return records.walk_looking(
        search_cost::kVector, needed, rows, [&] { return records.is_wanted(tsquery); },
        [&](double) { return other_way; });
}

// Finds matches among so few rows that fetching and sorting all of them is cheap, or with so little memory that there
// is no other way.
Matches find_among_few(RecordCursor &records, const SearchQuery &query, double rows, int64 needed)
{
    Matches found;
    found.complete = take_counted(records, BitmapRows(records, query.words), query.words, found.rows);
    if (found.complete && query.beginnings != 0)
        found.complete = take_counted(records, BitmapRows(records, query.whole()), query.whole(), found.rows);
    if (!found.complete && !walk_looking(records, query.whole(), rows * search_cost::kFetch, needed, found.rows))
        (void)take(records, BitmapRows(records, query.whole()), query.whole(), needed, true, found.rows);
    return found;
}

Matches find_among_many(RecordCursor &records, const SearchQuery &query, WordIndex &index, int64 needed)
{
    Datum const tsquery = query.whole();
    Matches found;
    found.complete = false;
    bool const is_counted = has_part_more_than_counted(records, query, found.rows);
    if (is_counted && walk_looking(records, tsquery, index.work() * search_cost::kPosition, needed, found.rows))
        return found;
    WordIndex::Found all = index.find();
    found.complete = !is_counted && take_counted(records, SetRows(all), tsquery, found.rows);
    if (!found.complete) {
        double const count = static_cast<double>(Max(all.rows.count(), 1));
        double const way_back = static_cast<double>(needed) * Max(records.all_records(), count) / count;
        double const sorting = count * (all.exact ? search_cost::kFetch : search_cost::kVector);
        if (!records.has_dates() || way_back * search_cost::kStep >= sorting ||
            !walk(records, all, 2 * sorting, tsquery, needed, found.rows))
            (void)take(records, SetRows(all), tsquery, needed, true, found.rows);
    }
    all.rows.free();
    return found;
}

}  // namespace

bool index_of_words_finds(Datum tsquery)
{
    TSQuery const query = DatumGetTSQuery(tsquery);
    return query->size > 0 && tsquery_requires_match(GETQUERY(query));
}

Matches find_by_text(RecordCursor &records, const SearchQuery &query, int64 needed)
{
    WordIndex index(records.text_index(), records.table().relation, records.snapshot(), query.whole());
    double const rows = index.estimate();
    if (rows <= kMany || !index.fits())
        return find_among_few(records, query, rows, needed);
    return find_among_many(records, query, index, needed);
}

}  // namespace wc
