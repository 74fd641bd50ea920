// Reads records through indexes and heap, without planner and executor, for the two direct ways to search: by text
// (direct_text.hpp) and by students (direct_names.hpp).
//
// This is right under the conditions of direct reading (direct/eligibility.hpp).  `open` checks them every time; if one
// does not hold, queries search instead (page.hpp).  Tests compare both.
#pragma once
#include <cmath>

#include "extension/direct/eligibility.hpp"
#include "extension/direct/leaf_walk.hpp"
#include "extension/search/statements.hpp"

namespace wc {

/// Matches of one kind.  The rows have only the keys of record_order(), and are in any order.
struct Matches {
    RowList rows{};
    bool complete = true;  ///< there are no others
    bool latest = true;    ///< the latest ones, as many as were needed, are among them
};

class RecordCursor {
public:
    /// Returns false, and opens nothing, if queries must search.
    bool open(const SearchParameters &parameters);
    void close();

    const OpenTable &table() const noexcept { return table_; }
    Snapshot snapshot() const noexcept { return snapshot_; }
    Relation text_index() const noexcept { return text_index_; }
    const SearchParameters &parameters() const noexcept { return *parameters_; }

    /// The index of records by their student; null if there is none.
    Relation student_relation() const noexcept { return student_relation_; }
    StudentIndex &student_index() noexcept { return student_index_; }

    /// Whether an index of dates allows a walk through the latest records.
    bool has_dates() const noexcept { return date_index_ != nullptr; }

    /// Begin a scan from the latest record back, by entries or by pages.  REQUIRES: has_dates().
    IndexScanDesc begin_walk();
    LeafWalk begin_leaf_walk() { return {date_index_, snapshot_}; }

    /// Returns the server's estimate of the number of records; at least 1.
    double all_records() const { return Max(static_cast<double>(table_.relation->rd_rel->reltuples), 1); }

    /// Reads the version of the row that the snapshot sees into the slot.  Returns false if it sees none.
    bool fetch(ItemPointer position);

    /// Like fetch(position), for the current entry of a scan.
    bool fetch(IndexScanDesc scan) { return index_fetch_heap(scan, slot_); }

    Datum attribute(int attribute, bool &is_null) const
    {
        return slot_getattr(slot_, table_.bound->columns[attribute].number, &is_null);
    }

    /// Whether a value of the record's type is the wanted one.
    bool is_wanted_type(Datum type, bool is_null) const;

    /// Whether the row in the slot is of the wanted type and, unless it is 0, fulfils the tsquery.
    bool is_wanted(Datum tsquery);

    /// Whether the row in the slot fulfils a tsquery; computes the index's expression for it.
    bool fulfils(Datum tsquery);

    /// Adds the row in the slot.
    void add_to(RowList &rows);

    /// Walks back from the latest record and adds the records that fit, until there are `needed` of them.  `cost`: the
    /// cost of examining one record; `rather`: returns the cost of the other way if this share of the records fits.
    /// Returns false if the other way is cheaper, or if there is no index to walk through.
    template <typename Fits, typename Rather>
    bool walk_looking(double cost, int64 needed, RowList &rows, Fits fits, Rather rather);

    /// Sorts the rows and drops all after the first `needed`.
    void keep_first(RowList &rows, int64 needed) const;

private:
    Relation open_index(Oid index) const;

    static constexpr int64 kFirstLook = 64;  // records that a walk examines before it decides whether to go on

    const SearchParameters *parameters_;
    OpenTable table_;
    Snapshot snapshot_;
    Relation text_index_;
    Relation date_index_;
    Relation student_relation_;
    StudentIndex student_index_;
    IndexFetchTableData *fetch_;
    TupleTableSlot *slot_;
    bool types_are_exact_;  // equal types have equal bytes
    EState *executor_;      // computes documents; null until the first one is needed
    IndexInfo *document_;
};

/// Returns the share of records that fit, as high as it may well be when `fitting` of the first `looked` do: a walk
/// that goes on for too long costs little, and one that ends too early gives way to reading all matches.
inline double likely_share(int64 fitting, int64 looked)
{
    double const found = static_cast<double>(fitting);
    return (found + 1 + std::sqrt(found + 1)) / static_cast<double>(looked);
}

template <typename Fits, typename Rather>
bool RecordCursor::walk_looking(double cost, int64 needed, RowList &rows, Fits fits, Rather rather)
{
    if (!has_dates())
        return false;
    int64 looked = 0;
    int64 next_judgement = kFirstLook;
    bool more = true;
    IndexScanDesc const scan = begin_walk();
    while (rows.count < needed) {
        more = index_getnext_slot(scan, ForwardScanDirection, slot_);
        if (!more)
            break;
        if (fits())
            add_to(rows);
        if (++looked < next_judgement)
            continue;
        CHECK_FOR_INTERRUPTS();
        double const share = likely_share(rows.count, looked);
        if (static_cast<double>(needed - rows.count) / share * cost > rather(share))
            break;
        next_judgement = looked + kFirstLook;
    }
    index_endscan(scan);
    return !more || rows.count >= needed;
}

}  // namespace wc
