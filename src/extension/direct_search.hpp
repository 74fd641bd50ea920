// Finds records through indexes and heap, without planner and executor.
//
// The executor has two ways to the latest matches of a common word, and both do too much: to fetch and sort all of
// them, or to walk back through the dates and make a tsvector of each record on the way.  Here the index of words says
// which rows match, none of which is looked at yet (row_bitmap.hpp); a walk through the dates then only looks rows up
// there, and fetches those of the page.  Where so many match that even reading the index of words is long, a few of its
// rows prove that there are more than are counted, and the walk makes tsvectors after all, of some hundred records.
//
// Right under the same conditions as direct reading of summaries; `open` checks them every time, and where one does not
// hold queries do it (search_page.hpp).  Tests compare the two.
#pragma once
#include "extension/row_bitmap.hpp"
#include "extension/search_query.hpp"
#include "extension/search_statements.hpp"
#include "extension/student_index.hpp"

namespace wc {

/// Matches of one kind, in rows that have id and date alone, in any order.
struct Matches {
    RowList rows{};
    bool complete = true;  ///< these are all
    bool latest = true;    ///< as many as were wanted, of the latest, are among them
};

class DirectSearch {
public:
    /// False when queries must do it; nothing is open then.
    bool open(const SearchParameters &parameters);
    void close();

    /// Whether there is an index to find records by their student.
    bool finds_students() const noexcept { return student_index_ != nullptr; }

    /// Whether the index of words finds what fulfils the tsquery without being read as a whole.
    static bool finds(Datum tsquery);

    /// Matches by text: all, when there are at most kExactTotal; else the latest `needed`.
    Matches by_text(const SearchQuery &query, int64 needed);

    /// The same of the records of these students.
    Matches of_students(const Datum *students, int count, int64 needed);

private:
    Relation open_index(Oid index) const;
    bool fetch(ItemPointer position);
    bool is_wanted_type(Datum type, bool is_null) const;
    bool slot_is_wanted(Datum tsquery);
    bool fulfils(Datum tsquery);
    void add_slot(RowList &rows);
    RowBitmap look_into_index(Datum tsquery) const;
    RowBitmap sample_index(Datum tsquery) const;
    bool take(const RowBitmap &bitmap, Datum tsquery, int64 most, bool latest, RowList &rows);
    bool walk(const RowBitmap &bitmap, Datum tsquery, int64 needed, RowList &rows);
    template <typename Fits, typename Rather>
    bool walk_looking(double cost, int64 needed, RowList &rows, Fits fits, Rather rather);
    bool walk_looking_for(const Datum *students, int count, int done, int64 needed, RowList &rows);
    bool are_more_than_counted(const SearchQuery &query, Matches &found);
    double all_records() const;
    static RowOrder order_of_results();
    static void keep_first(const RowOrder &order, RowList &rows, int64 needed);
    bool read_entry(IndexScanDesc scan, Row &row, Buffer &visibility);

    static constexpr double kFetchCost = 0.7;  // of a row, in microseconds
    static constexpr int64 kFirstLook = 64;    // records that are looked at before it is judged whether to go on

    const SearchParameters *parameters_;
    OpenTable table_;
    Snapshot snapshot_;
    Relation text_index_;
    Relation date_index_;
    const StudentIndex *student_index_;
    IndexFetchTableData *fetch_;
    TupleTableSlot *slot_;
    EState *executor_;  // that makes documents; null until one is wanted
    IndexInfo *document_;
};

// Walks back from the latest record, looking at each, and adds those that fit, until there are `needed` of them.
// `cost`: of a look; `rather`: what the other way costs, when this share of the records fits.  False when that is less.
template <typename Fits, typename Rather>
bool DirectSearch::walk_looking(double cost, int64 needed, RowList &rows, Fits fits, Rather rather)
{
    if (date_index_ == nullptr)
        return false;
    int64 looked = 0;
    int64 next_judgement = kFirstLook;
    bool more = true;
    IndexScanDesc const scan = pg::begin_index_scan(table_.relation, date_index_, snapshot_, 0);
    index_rescan(scan, nullptr, 0, nullptr, 0);
    while (rows.count < needed) {
        more = index_getnext_slot(scan, ForwardScanDirection, slot_);
        if (!more)
            break;
        if (fits())
            add_slot(rows);
        if (++looked < next_judgement)
            continue;
        CHECK_FOR_INTERRUPTS();
        double const share = (static_cast<double>(rows.count) + 0.5) / static_cast<double>(looked);
        if (static_cast<double>(needed - rows.count) / share * cost > rather(share))
            break;
        next_judgement = looked + kFirstLook;
    }
    index_endscan(scan);
    return !more || rows.count >= needed;
}

}  // namespace wc
