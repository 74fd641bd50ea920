// Reads what summaries need with queries: right for partitioned tables, row-level security, column
// privileges and whatever else the planner and executor know, and for any number of students with the
// same five queries.
#pragma once
#include "extension/facts.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace wc {

/// Runs between SPI_connect and SPI_finish of its caller.
class QueryReader {
public:
    /// Runs the queries for one id, of the type of the students' id column, or for an array of them.
    ///
    /// Errors: those of the queries; a missing privilege is 42501 with the table's name.
    void open_one(Datum id);
    void open_many(Datum ids);

    /// Reads the next student, in the order of `ids`.
    void next(Facts &facts);

    void close();

private:
    // The rows of one query.  Each begins with the position of its student in `ids`.
    struct Result {
        SPITupleTable *rows;
        std::uint64_t count;
        std::uint64_t at;
    };
    static constexpr int kQueries = 5;

    void open(const char *ids, class KeptPlan *plans, Datum argument, Oid argument_type);
    bool take(Result &result, int count, Row &row);
    void take_all(Result &result, int count, RowList &rows);
    bool is_current(const Result &result) const;

    Result results_[kQueries];
    int64 position_;
};

}  // namespace wc
