#include "extension/search/direct_text.hpp"

#include <algorithm>

#include "extension/direct/leaf_walk.hpp"
#include "extension/direct/row_bitmap.hpp"
#include "extension/search/cost.hpp"
#include "extension/search/index.hpp"
#include "extension/search/record_walk.hpp"
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

// Of parts that are taken for alike, the first gives its share of the matches that are needed, a quarter more, and
// these.
constexpr int64 kMoreThanShare = 16;

// The rows that the server's bitmap of a tsquery contains.
BitmapRows look_into_index(const RecordCursor &records, Datum tsquery)
{
    ScanKeyData key;
    begin_text_key(&key, records.text_index(), tsquery);
    return BitmapRows({records.text_index(), records.snapshot(), &key});
}

// The rows of a set, one position after the other in the table's order.
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

// The rows of a list.
class ListRows {
public:
    ListRows(const PositionList &list, bool exact) : list_(list), exact_(exact) {}

    bool next(ItemPointerData &position, bool &is_sure)
    {
        if (at_ == list_.count())
            return false;
        position = list_.positions()[at_++];
        is_sure = exact_;
        return true;
    }

    void end() {}

private:
    const PositionList &list_;
    bool exact_;
    int at_ = 0;
};

// The indexes of words of all parts, for one tsquery.
class WordIndexes {
public:
    WordIndexes(const RecordParts &parts, Datum tsquery)
        : count_(parts.count()),
          all_(static_cast<WordIndex *>(palloc(sizeof(WordIndex) * static_cast<Size>(count_ + 1)))),
          estimates_(static_cast<double *>(palloc(sizeof(double) * static_cast<Size>(count_ + 1))))
    {
        for (int i = 0; i < count_; ++i) {
            const RecordCursor &part = parts.at(i);
            auto *const index =
                new (&all_[i]) WordIndex(part.text_index(), part.table().relation, part.snapshot(), tsquery);
            estimates_[i] = index->estimate();
            estimate_ += estimates_[i];
        }
    }

    WordIndex &at(int part) { return all_[part]; }

    // How many rows of a part, and of all, fulfil the tsquery, at most; 0 only if none does.
    double estimate(int part) const { return estimates_[part]; }
    double estimate() const { return estimate_; }

    double work() const
    {
        double positions = 0;
        for (int i = 0; i < count_; ++i)
            positions += all_[i].work();
        return positions;
    }

    bool fit()
    {
        return std::all_of(all_, all_ + count_, [](WordIndex &index) { return index.fits(); });
    }

private:
    int count_;
    WordIndex *all_;
    double *estimates_;
    double estimate_ = 0;
};

// Collects matches from one part after another.
class TextMatches {
public:
    TextMatches(RecordParts &parts, RowList &rows)
        : parts_(parts), rows_(rows), order_(parts.table(), record_order(parts.table()))
    {
        rows_.count = 0;
    }

    // Adds those at the given positions of a part, as long as there are no more than kExactTotal.  Returns true if
    // these are all.
    template <typename Positions>
    bool count(int part, Positions found, Datum tsquery)
    {
        RecordCursor &records = parts_.at(part);
        AskedPositions<Positions, RecordCursor> positions(records, found);
        ItemPointerData position;
        bool is_sure = false;
        while (rows_.count <= kExactTotal && positions.next(position, is_sure)) {
            CHECK_FOR_INTERRUPTS();
            if (records.fetch(position) && records.is_wanted(is_sure ? Datum{0} : tsquery))
                records.add_to(rows_);
        }
        positions.end();
        return rows_.count <= kExactTotal;
    }

    int counted() const noexcept { return rows_.count; }

    // Goes on with the latest `needed` of the first so many.
    void keep_latest(int first, int64 needed)
    {
        rows_.count = first;
        parts_.keep_first(rows_, needed);
    }

    // Whether the latest are found: this part and all after it have only earlier ones.
    bool has_latest(int part, int64 needed) const
    {
        return rows_.count == needed && parts_.are_earlier(part, rows_.rows[needed - 1]);
    }

    // Adds those of a part, and keeps the latest.
    template <typename Positions>
    void add_latest(int part, Positions found, Datum tsquery, int64 needed)
    {
        RecordCursor &records = parts_.at(part);
        AskedPositions<Positions, RecordCursor> positions(records, found);
        ItemPointerData position;
        bool is_sure = false;
        while (positions.next(position, is_sure)) {
            CHECK_FOR_INTERRUPTS();
            if (records.fetch(position) && records.is_wanted(is_sure ? Datum{0} : tsquery))
                records.add_to(rows_);
            if (rows_.count > needed + kSlack)
                parts_.keep_first(rows_, needed);
        }
        positions.end();
        parts_.keep_first(rows_, needed);
    }

    // Does the same by a walk from the part's latest record back, until it has `needed` of the set, or comes to earlier
    // records than those that are kept.  Returns false, and adds nothing, if fetching all rows of the set has become
    // cheaper.
    bool walk_back(int part, const WordIndex::Found &found, double most, Datum tsquery, int64 needed);

    // Adds the latest `most_rows` of the set, but none that comes after `end`, by that walk.  Returns false, and adds
    // nothing, if it has cost more than `most`.
    bool walk_back_to(const Row *end, int part, const WordIndex::Found &found, double most, Datum tsquery,
                      int64 most_rows);

    const Row &last() const noexcept { return rows_.rows[rows_.count - 1]; }
    void drop_all() noexcept { rows_.count = 0; }

private:
    RecordParts &parts_;
    RowList &rows_;
    RowOrder order_;
};

bool TextMatches::walk_back(int part, const WordIndex::Found &found, double most, Datum tsquery, int64 needed)
{
    Row end;
    bool const has_all = rows_.count == needed;
    if (has_all)
        end = last();  // a copy: the rows move when others are added
    if (!walk_back_to(has_all ? &end : nullptr, part, found, most, tsquery, needed))
        return false;
    parts_.keep_first(rows_, needed);
    return true;
}

bool TextMatches::walk_back_to(const Row *end, int part, const WordIndex::Found &found, double most, Datum tsquery,
                               int64 most_rows)
{
    RecordCursor &records = parts_.at(part);
    int const before = rows_.count;
    double spent = 0;
    bool is_found = false;
    auto const take = [&](ItemPointerData position) {
        if (!records.fetch(position) || !records.is_shown())
            return;
        if (end != nullptr) {
            Row keys;
            records.read_keys(keys);
            is_found = order_.compare(*end, keys) < 0;
        }
        if (!is_found && records.is_wanted(found.exact ? Datum{0} : tsquery))
            records.add_to(rows_);
        is_found = is_found || rows_.count - before == most_rows;
    };
    LeafWalk leaves = records.begin_leaf_walk();
    while (!is_found && spent < most) {
        if (!leaves.next()) {
            is_found = true;
            break;
        }
        spent += search_cost::kStep * leaves.count();
        int const count = leaves.keep([&](const ItemPointerData &position) { return found.rows.has(position); });
        if (records.asks())
            records.ask_ahead(leaves.positions(), count);
        for (int i = 0; i < count && !is_found; ++i) {
            spent += found.exact ? records.cost_of_fetch() : records.cost_of_document();
            take(leaves.positions()[i]);
        }
    }
    leaves.end();
    if (!is_found)
        rows_.count = before;
    return is_found;
}

bool walk_looking_for(RecordParts &parts, Datum tsquery, double other_way, int64 needed, RowList &rows)
{
    return walk_looking(
        parts, search_cost::kVector + parts.cost_of_asking_alone(), needed, rows,
        [&](RecordCursor &records) { return records.is_wanted(tsquery); }, [&](double) { return other_way; });
}

// Whether a sample of the table alone has more matches than are counted.  It looks for whole words only, because
// beginnings of words cost the index several times as much.
bool has_sample_more_than_counted(RecordParts &parts, const SearchQuery &query, RowList &rows)
{
    WordIndexes some(parts, query.words);
    bool const is_one_word = DatumGetTSQuery(query.words)->size == 1;
    double wanted = is_one_word ? kSample : kSampleOfSeveral;
    if (wanted > 0.5 * some.estimate())
        return false;
    TextMatches matches(parts, rows);
    for (int part = 0; part < parts.count() && wanted > 0; ++part) {
        if (some.estimate(part) == 0)
            continue;
        some.at(part).look_at(wanted / some.estimate(part));
        WordIndex::Found found = some.at(part).find();
        bool const are_few = matches.count(part, SetRows(found), query.words);
        found.rows.free();
        if (!are_few)
            return true;
        wanted -= some.estimate(part);
    }
    return false;
}

// Finds matches among so few rows that fetching and sorting all of them is cheap, or with so little memory that there
// is no other way.
Matches find_among_few(RecordParts &parts, const SearchQuery &query, WordIndexes &indexes, int64 needed)
{
    Matches found;
    auto const count_part = [&](TextMatches &matches, int part, Datum tsquery) {
        PositionList few;
        bool exact = false;
        if (tsquery == query.whole() && indexes.at(part).find_few(few, exact))
            return matches.count(part, ListRows(few, exact), tsquery);
        return matches.count(part, look_into_index(parts.at(part), tsquery), tsquery);
    };
    auto const count = [&](Datum tsquery) {
        TextMatches matches(parts, found.rows);
        for (int part = 0; part < parts.count(); ++part) {
            if (indexes.estimate(part) > 0 && !count_part(matches, part, tsquery))
                return false;
        }
        return true;
    };
    // Where few are expected, whole words alone are hardly more than are counted, and need not be looked for first.
    bool const are_few = indexes.estimate() <= kMany;
    found.complete = (are_few || query.beginnings == 0 || count(query.words)) && count(query.whole());
    if (found.complete ||
        walk_looking_for(parts, query.whole(), indexes.estimate() * parts.cost_of_fetch(), needed, found.rows))
        return found;
    TextMatches matches(parts, found.rows);
    for (int part = 0; part < parts.count() && !matches.has_latest(part, needed); ++part) {
        if (indexes.estimate(part) > 0)
            matches.add_latest(part, look_into_index(parts.at(part), query.whole()), query.whole(), needed);
    }
    return found;
}

// What a walk back from the latest record of a part to `needed` of a set costs, and what fetching and sorting the set.
double cost_of_walk(const RecordCursor &records, const WordIndex::Found &all, int64 needed)
{
    double const count = static_cast<double>(Max(all.rows.count(), 1));
    return search_cost::kStep * static_cast<double>(needed) * Max(records.all_records(), count) / count;
}

double cost_of_sorting(const RecordCursor &records, const WordIndex::Found &all)
{
    double const count = static_cast<double>(Max(all.rows.count(), 1));
    return count * (all.exact ? records.cost_of_fetch() : records.cost_of_document());
}

// Finds the latest matches where each part is likely to have its share of them, as partitions by hash have.  The first
// part gives somewhat more than its share, and the others need not look further back than these.  To take all that are
// needed from each part in turn would fetch three times as many rows of 16 parts.  Returns false, and finds nothing,
// where the parts turn out to be different.
bool find_latest_of_alike(RecordParts &parts, Datum tsquery, WordIndexes &indexes, int64 needed, RowList &rows)
{
    int64 const share = needed / parts.count() * 5 / 4 + kMoreThanShare;
    if (!parts.are_of_any_dates() || share >= needed)
        return false;
    TextMatches matches(parts, rows);
    Row end;
    bool has_end = false;
    for (int part = 0; part < parts.count(); ++part) {
        if (indexes.estimate(part) == 0)
            continue;
        RecordCursor &records = parts.at(part);
        WordIndex::Found all = indexes.at(part).find();
        double const sorting = cost_of_sorting(records, all);
        bool const is_found =
            records.has_dates() && cost_of_walk(records, all, share) < sorting &&
            matches.walk_back_to(has_end ? &end : nullptr, part, all, 2 * sorting, tsquery, has_end ? needed : share);
        all.rows.free();
        if (!is_found) {
            matches.drop_all();
            return false;
        }
        if (!has_end && matches.counted() > 0) {
            end = matches.last();
            has_end = true;
        }
    }
    bool const are_enough = matches.counted() >= needed;
    if (are_enough)
        matches.keep_latest(matches.counted(), needed);
    else
        matches.drop_all();
    return are_enough;
}

// Adds the latest matches of a part to those of the parts before it.
void add_latest_of(RecordParts &parts, int part, const WordIndex::Found &all, Datum tsquery, int64 needed,
                   TextMatches &matches)
{
    RecordCursor &records = parts.at(part);
    double const sorting = cost_of_sorting(records, all);
    if (!records.has_dates() || cost_of_walk(records, all, needed) >= sorting ||
        !matches.walk_back(part, all, 2 * sorting, tsquery, needed))
        matches.add_latest(part, SetRows(all), tsquery, needed);
}

Matches find_among_many(RecordParts &parts, const SearchQuery &query, WordIndexes &indexes, int64 needed)
{
    Datum const tsquery = query.whole();
    Matches found;
    found.complete = false;
    bool is_counted = has_sample_more_than_counted(parts, query, found.rows);
    if (is_counted && (walk_looking_for(parts, tsquery, indexes.work() * search_cost::kPosition, needed, found.rows) ||
                       find_latest_of_alike(parts, tsquery, indexes, needed, found.rows)))
        return found;
    TextMatches matches(parts, found.rows);
    for (int part = 0; part < parts.count() && !(is_counted && matches.has_latest(part, needed)); ++part) {
        if (indexes.estimate(part) == 0)
            continue;
        WordIndex::Found all = indexes.at(part).find();
        int const before = matches.counted();
        if (!is_counted && !matches.count(part, SetRows(all), tsquery)) {
            is_counted = true;
            matches.keep_latest(before, needed);
        }
        if (is_counted)
            add_latest_of(parts, part, all, tsquery, needed, matches);
        all.rows.free();
    }
    found.complete = !is_counted;
    return found;
}

}  // namespace

bool index_of_words_finds(Datum tsquery)
{
    TSQuery const query = DatumGetTSQuery(tsquery);
    return query->size > 0 && tsquery_requires_match(GETQUERY(query));
}

Matches find_by_text(RecordParts &parts, const SearchQuery &query, int64 needed)
{
    WordIndexes indexes(parts, query.whole());
    if (indexes.estimate() <= kMany || !indexes.fit())
        return find_among_few(parts, query, indexes, needed);
    return find_among_many(parts, query, indexes, needed);
}

}  // namespace wc
