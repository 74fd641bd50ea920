// Reads a student's records in the order of pages: by date, latest first, ties by id.
#pragma once
#include "extension/kept_plan.hpp"
#include "extension/record_cursor.hpp"

namespace wc {

/// Runs between SPI_connect and SPI_finish of its caller, with the snapshot of the calling query.  All queries can be
/// answered from an index on student, date and id that includes the type, but for what is shown of records, and for the
/// filter by provider.
///
/// Errors: those of the queries; a missing privilege is 42501 with the table's name.
class RecordReader {
public:
    /// `student_id` is of the type of the students' id column, and `records` the whole table.
    RecordReader(Datum student_id, const RecordFilters &filters, const BoundTable &records);

    /// The student's row, with attributes up to StudentNumber; none when there is none, or a policy hides it.
    SPITupleTable *read_student();

    int64 count();

    /// The record that comes after `offset` others, of `total`; false when there is none.
    bool find_position(int64 offset, int64 total, RecordPosition &position);

    /// At most `limit` records from the latest on, from a position on, or after it.
    SPITupleTable *read_latest(int64 limit);
    SPITupleTable *read_from(const RecordPosition &position, int64 limit);
    SPITupleTable *read_after(const RecordPosition &position, int64 limit);

private:
    enum Query { kCount, kPosition, kPositionFromEnd, kLatestFirst, kFrom, kAfter, kQueries };

    SPITupleTable *select(Query query, const char *text);
    SPITupleTable *read_beside(Query query, const char *operation, const RecordPosition &position, int64 limit);
    void append_conditions(StringInfo query) const;
    void append_rows_query(StringInfo query) const;

    enum Parameter { kStudent, kFirstFilter, kDate = kFirstFilter + kRecordFilters, kId, kLimit, kOffset, kParameters };

    const BoundTable &records_;
    const RecordFilters &filters_;
    Datum values_[kParameters];
    char nulls_[kParameters];
};

}  // namespace wc
