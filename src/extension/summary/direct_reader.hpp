// Reads what a summary needs through indexes and heap, without planner and executor.
//
// This is about twice as fast as queries, and right only under the conditions that direct/eligibility checks.  Where
// one does not hold, QueryReader does the work.  A test runs both over the same data.
#pragma once
#include "extension/binding/label.hpp"
#include "extension/direct/index_probe.hpp"
#include "extension/summary/facts.hpp"
#include "extension/summary/type_counter.hpp"

namespace wc {

class DirectReader {
public:
    /// Opens the three tables.  Returns false, and opens nothing, when queries must do the work.
    bool open();

    /// Reads one student into `facts`, with memory of the current context.  `facts.student` is valid until the next
    /// call.  Returns false when queries must read this student, whose partition has no index for example.
    ///
    /// REQUIRES: open() returned true.  What `student_id` points to lives until the next call.
    [[nodiscard]] bool read(Datum student_id, Facts &facts);

    void close();

private:
    class ShownRecords;

    bool open_records();
    bool open_types();
    void close_part();
    bool seek(Datum student_id);
    void read_allergies(Facts &facts);
    bool read_records(Datum student_id, Facts &facts);
    void read_by_one_index(TypeCounter &counter, ShownRecords &shown);
    void read_by_two_indexes(Datum student_id, TypeCounter &counter, ShownRecords &shown);

    IndexProbe students_;
    IndexProbe allergies_;
    IndexProbe records_;
    IndexProbe types_;  // of the same table or part, where the index of records_ has no types
    bool has_two_indexes_;
    Buffer visibility_;       // the pinned page of the visibility map of records
    LabelMatch vaccination_;  // matches the type of vaccinations
};

}  // namespace wc
