// Reads what a summary needs through indexes and heap, without planner and executor.
//
// This is about twice as fast as queries, and right only under the conditions that index_probe.hpp checks.  Where one
// does not hold, queries (query_reader.hpp) do the work.  A test runs both over the same data.
#pragma once
#include "extension/facts.hpp"
#include "extension/index_probe.hpp"

namespace wc {

class DirectReader {
public:
    /// False when queries must do it; nothing is open then.
    bool open();

    /// Reads one student into `facts`, with memory of the current context.  `facts.student` is valid
    /// until the next call.
    void read(Datum student_id, Facts &facts);

    void close();

private:
    void read_allergies(Datum student_id, Facts &facts);
    void read_records(Datum student_id, Facts &facts);

    IndexProbe students_;
    IndexProbe allergies_;
    IndexProbe records_;
    Buffer visibility_;  // pinned page of the visibility map of records
    Datum vaccination_;  // the record type; `has_vaccination_` tells whether there is one
    bool has_vaccination_;
};

}  // namespace wc
