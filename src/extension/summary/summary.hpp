// The health summaries of many students.  `wc_health_summary`, of one, is at the end of the source.
#pragma once
#include "extension/binding/id.hpp"
#include "extension/summary/facts_reader.hpp"
#include "extension/warm/lookup.hpp"

namespace wc {

/// Summaries of many students, in the order of their ids: from shared memory, and what is not there from the tables.
class SummaryReader {
public:
    using Convert = bool (*)(Datum value, Oid type, const BoundColumn &column, Datum &converted);

    /// `ids`: an array of text, uuid or bigint.  `convert` (binding/id.hpp) returns false for a value that can be no
    /// student's id.
    SummaryReader(ArrayType *ids, Convert convert);

    /// Moves to the next id; false at the end.
    bool next();

    Datum id() const noexcept { return ids_.values[at_]; }
    bool id_is_null() const noexcept { return ids_.nulls[at_]; }
    Oid id_type() const noexcept { return ids_.type; }

    /// The summary of the current id, a JSON object of the five sections, as text; 0 for an unknown student.
    ///
    /// REQUIRES: called once for each id.
    Datum read();

    /// The current id as the student's own row has it.  REQUIRES: read() has found the student.
    Datum own_id() const noexcept { return wanted_.values[at_]; }

    void close();

private:
    IdArray ids_;
    IdArray wanted_;  // in the type of the students' id column
    int at_ = -1;
    warm::Lookup lookup_;
    Datum *found_ = nullptr;  // in shared memory; 0: not
    warm::Probe *probes_ = nullptr;
    bool are_all_found_ = true;
    MemoryContext student_context_;  // of the facts of one student
    FactsReader facts_;              // opened where not all were found
};

}  // namespace wc
