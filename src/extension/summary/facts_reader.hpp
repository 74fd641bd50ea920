// Reads the facts of students: through indexes where that is right (direct_reader.hpp), else by queries
// (query_reader.hpp).  Nobody else makes that choice.
#pragma once
#include "extension/binding/id.hpp"
#include "extension/summary/direct_reader.hpp"
#include "extension/summary/query_reader.hpp"

namespace wc {

class FactsReader {
public:
    /// Prepares to read one student, whose id is of the type of the students' id column.
    ///
    /// REQUIRES: `id` lives until close().  Errors: those of the queries; a missing privilege is 42501 with the table's
    /// name.
    void open_one(Datum &id);

    /// Prepares to read many students, in the order of `ids`, which are of the type of that column.  No student has
    /// a NULL id.
    ///
    /// REQUIRES: what `ids` points to lives until close().  Errors: as above.
    void open_many(const IdArray &ids);

    /// Reads the next student, with memory of the current context.  `facts` is valid until the next call.
    ///
    /// REQUIRES: at most one call for each id.
    void next(Facts &facts);

    void close();

private:
    void open_query();

    IdArray ids_{};
    bool is_one_ = false;
    int at_ = 0;
    bool is_direct_ = false;
    DirectReader direct_;
    QueryReader query_;
};

}  // namespace wc
