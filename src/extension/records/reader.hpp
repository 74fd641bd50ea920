// Reads a student's records in the order of pages: the order of records (record_order of row.hpp), or that of a cursor.
#pragma once
#include "extension/query/kept_plan.hpp"
#include "extension/records/cursor.hpp"
#include "extension/records/index_reader.hpp"

namespace wc {

/// Reads with the snapshot of the calling query.  An index on student, date, entry and id that includes the type
/// answers all queries, except for the columns that a page shows, and for the filter by provider.  Where it can, an
/// IndexReader reads instead of queries.
///
/// REQUIRES: the caller has connected to SPI.
/// Errors: those of the queries; a missing privilege is 42501 with the table's name.
class RecordReader {
public:
    /// `student_id` is of the type of the students' id column.  `by_entry` is that of page_order().
    ///
    /// REQUIRES: lock_whole_table() returned `records`; `filters` lives as long as this.
    RecordReader(Datum student_id, const RecordFilters &filters, const BoundTable &records, bool by_entry);

    /// Whether it reads partitions that it has opened itself, which stay the same.  Otherwise it runs queries.
    bool is_direct() const noexcept { return has_index_; }

    /// Closes what it has opened, and frees the rows that it has read last.
    void close();

    /// Reads the student's row, with the attributes up to StudentNumber.  Returns no row for an unknown student, or one
    /// whom a policy hides.
    SPITupleTable *read_student();

    /// Counts the records that fulfil the filters.
    int64 count();

    /// Finds the record that comes after `offset` others, of `total`.  Returns false when there is none.
    bool find_position(int64 offset, int64 total, RecordPosition &position);

    /// Reads at most `limit` records: from the latest on, from a position on, or after it.
    RowList read_latest(int64 limit);
    RowList read_from(const RecordPosition &position, int64 limit);
    RowList read_after(const RecordPosition &position, int64 limit);

private:
    enum Query { kCount, kPosition, kPositionFromEnd, kLatestFirst, kFrom, kAfter, kQueries };

    SPITupleTable *select(Query query, const char *text);
    RowList read_beside(Query query, const char *operation, const RecordPosition &position, int64 limit);
    bool select_position(int64 offset, bool from_end, RecordPosition &position);
    void append_beside(StringInfo query, const SortKey &key, const char *operation, bool is_null) const;
    static int parameter_of(int attribute);
    RowList select_rows(Query query, const char *text);
    void append_conditions(StringInfo query) const;
    void append_rows_query(StringInfo query) const;

    enum Parameter {
        kStudent,
        kFirstFilter,
        kDate = kFirstFilter + kRecordFilters,
        kId,
        kLimit,
        kOffset,
        kEntered,
        kParameters
    };

    const BoundTable &records_;
    const RecordFilters &filters_;
    bool by_entry_;
    SortKeys order_;
    IndexReader index_;
    bool has_index_;
    SPITupleTable *selected_ = nullptr;  // of the last rows, if a query has read them
    Datum values_[kParameters];
    char nulls_[kParameters];
};

}  // namespace wc
