// Reads the records of one table through its indexes and heap, without planner and executor.  A partitioned table has
// one cursor for each partition that holds rows (record_parts.hpp).
#pragma once
#include "extension/direct/eligibility.hpp"
#include "extension/direct/index_expression.hpp"
#include "extension/direct/leaf_walk.hpp"
#include "extension/direct/row_fetch.hpp"
#include "extension/search/cost.hpp"
#include "extension/search/statements.hpp"

namespace wc {

class RecordCursor {
public:
    /// Opens the indexes of `whole` or of a partition of it.  Returns false, and opens nothing, if queries must search.
    /// Makes documents together with `other`, another partition, if their columns have the same numbers; it may be
    /// null.  `shown`: the statement by which the policies decide about each record (shown_records); null if none
    /// apply.
    ///
    /// REQUIRES: the table is a plain heap, and stays open until close(), as does `other`.
    bool open(const OpenTable &table, const OpenTable &whole, const SearchParameters &parameters, const char *shown,
              const RecordCursor *other);
    void close();

    const OpenTable &table() const noexcept { return table_; }
    Snapshot snapshot() const noexcept { return rows_.snapshot(); }
    Relation text_index() const noexcept { return text_index_; }
    const SearchParameters &parameters() const noexcept { return *parameters_; }

    /// Whether there is an index of records by their student.  Opens it at the first call: of a table with many
    /// partitions, opening and locking all indexes takes as long as to find a rare word.
    bool has_students();

    /// That index.  REQUIRES: has_students().
    Relation student_relation() const noexcept { return student_relation_; }
    StudentIndex &student_index() noexcept { return student_index_; }

    /// Whether an index of dates allows a walk through the latest records.  Opens it at the first call.
    bool has_dates();

    /// Begin a scan from the latest record back, by entries or by pages.  REQUIRES: has_dates().
    IndexScanDesc begin_walk();
    bool next(IndexScanDesc walk) { return index_getnext_slot(walk, ForwardScanDirection, rows_.slot()); }
    LeafWalk begin_leaf_walk() { return {date_index_, snapshot()}; }

    /// Returns the server's estimate of the number of records; at least 1.
    double all_records() const { return Max(static_cast<double>(table_.relation->rd_rel->reltuples), 1); }

    /// Reads the version of the row that the snapshot sees into the slot.  Returns false if it sees none.
    bool fetch(const ItemPointerData &position) { return rows_.fetch(position); }

    /// Like fetch(position), for the current entry of a scan.
    bool fetch(IndexScanDesc scan) { return index_fetch_heap(scan, rows_.slot()); }

    /// Whether the policies decide about each record, which then costs more; and lets them decide about many at once.
    bool asks() const noexcept { return rows_.asks(); }
    void ask_ahead(const ItemPointerData *positions, int count) { rows_.ask_ahead(positions, count); }
    double cost_of_fetch() const noexcept { return search_cost::kFetch + cost_of_asking_; }
    double cost_of_document() const noexcept { return search_cost::kVector + cost_of_asking_; }

    /// What these say of asking is at first 0.
    void set_cost_of_asking(double cost) noexcept { cost_of_asking_ = cost; }

    /// Whether the policies show the row in the slot to the caller.  Ask before anything is computed from the row, or
    /// compared with it, that could raise an error or a notice; is_wanted() does so itself.
    bool is_shown() { return rows_.is_shown(); }

    Datum attribute(int attribute, bool &is_null) const
    {
        return slot_getattr(rows_.slot(), table_.bound->columns[attribute].number, &is_null);
    }

    /// Where the row in the slot is.
    RowPlace place() const { return {table_.bound->relation, rows_.slot()->tts_tid, false}; }

    /// Whether a value of the record's type is the wanted one.
    bool is_wanted_type(Datum type, bool is_null) const;

    /// Whether the row in the slot is shown to the caller, is of the wanted type and, unless it is 0, fulfils the
    /// tsquery.
    bool is_wanted(Datum tsquery);

    /// Whether the row in the slot fulfils a tsquery; computes the index's expression for it.
    bool fulfils(Datum tsquery);

    /// Returns the rank of the text of the row at a place.
    float4 rank(const RowPlace &place, Datum tsquery);

    /// Reads the keys of record_order() and the place of the row in the slot.  The keys are valid as long as the row is
    /// in the slot.
    void read_keys(Row &row) const;

    /// Adds the row in the slot, with its place and copies of these keys only.
    void add_to(RowList &rows) const;

private:
    Relation open_index(Oid index) const;
    bool has_documents_like(const RecordCursor &other) const;

    const SearchParameters *parameters_;
    OpenTable table_;
    Relation text_index_;
    Oid date_;  // the index of dates; 0: there is none, or it was opened
    Relation date_index_;
    Relation student_relation_;
    bool knows_students_;  // whether there is an index of them
    StudentIndex student_index_;
    RowFetch rows_;
    IndexExpression *document_;  // of the index of words; compiling it takes longer than making some documents
    bool owns_document_;
    double cost_of_asking_;
    bool types_are_exact_;  // equal types have equal bytes
};

}  // namespace wc
