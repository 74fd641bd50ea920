// Reads what a summary needs through indexes and heap, without planner and executor.
//
// This is about twice as fast as queries, and right only under conditions that the executor would
// otherwise take care of.  `open` checks them all, every time: plain heap tables (no partitions, no
// inheritance), no row-level security, SELECT on each table and USAGE on its schema for the current
// role, and the indexes there.  Where one does not hold, queries (query_reader.hpp) do the work, and
// report what there is to report.  A test runs both over the same data.
#pragma once
#include "extension/facts.hpp"
#include "extension/student_index.hpp"

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
    struct Probe {
        OpenTable table;
        Relation index;
        IndexScanDesc scan;
        TupleTableSlot *slot;
        ScanKeyData key;
    };

    void begin(Probe &probe, const StudentIndex &index);
    // Access methods allocate, at any call, what they keep for as long as the scan; these see to the context.
    void seek(Probe &probe, Datum student_id);
    ItemPointer next_position(Probe &probe, ScanDirection direction);
    bool fetch(Probe &probe);
    bool next_row(Probe &probe);

    void read_allergies(Datum student_id, Facts &facts);
    void read_records(Datum student_id, Facts &facts);

    MemoryContext scan_context_;
    Snapshot snapshot_;
    Probe students_;
    Probe allergies_;
    Probe records_;
    const StudentIndex *record_index_;
    Buffer visibility_;  // pinned page of the visibility map of records
    Datum vaccination_;  // the record type; `has_vaccination_` tells whether there is one
    bool has_vaccination_;
};

}  // namespace wc
