// Reads what summaries need with queries, five for any number of students.  This is right for row-level security,
// column privileges, any partitions and whatever else the planner and executor know.
#pragma once
#include "extension/summary/facts.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace wc {

/// REQUIRES: the caller has connected to SPI, and stays connected until close().
class QueryReader {
public:
    /// Runs the queries for one id, of the type of the students' id column, or for an array of them.
    ///
    /// Errors: those of the queries; a missing privilege is 42501 with the table's name.
    void open_one(Datum id);
    void open_many(Datum ids);

    /// Reads the next student, in the order of the ids.  `facts` is valid until close().
    void next(Facts &facts);

    void close();

private:
    // The rows of one query.  Each begins with the position of its student among the ids, from 1.
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
