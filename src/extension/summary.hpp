// The health summary: what it holds, and reading it for one student or many.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/direct_reader.hpp"
#include "extension/query_reader.hpp"
#include "extension/student_id.hpp"

namespace wc {

/// Writes the five standard sections as a JSON object without its closing brace, so that more can follow.
void write_summary(json::Buffer &out, const Facts &facts);

/// Summaries of many students, in the order of their ids.
class SummaryReader {
public:
    using Convert = bool (*)(Datum value, Oid type, const BoundColumn &column, Datum &converted);

    /// `ids`: an array of text, uuid or bigint; `convert` (student_id.hpp) says what is no id at all.
    SummaryReader(ArrayType *ids, Convert convert);

    /// Moves to the next id; false at the end.
    bool next();

    Datum id() const noexcept { return ids_.values[at_]; }
    bool id_is_null() const noexcept { return ids_.nulls[at_]; }
    Oid id_type() const noexcept { return ids_.type; }

    /// Writes the summary of the current id; false for an unknown student.
    bool write(json::Buffer &out);

    void close();

private:
    IdArray ids_;
    int at_ = -1;
    Convert convert_;
    bool is_direct_;
    DirectReader direct_;
    QueryReader query_;
    MemoryContext student_context_;  // what was read of one student
};

}  // namespace wc
