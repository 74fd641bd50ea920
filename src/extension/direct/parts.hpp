// The tables in which the rows of one student may be: the attached table itself, or some of its partitions.
//
// A table that is partitioned by the student, by hash, list or range, has all rows of a student in one partition.  One
// that is partitioned by ranges of the records' date has them in any of its partitions, which follow each other in the
// order of records.  Both may be partitioned again, in the same two ways.  Queries read all others.
//
// What is opened here is what a query of the table opens: the partitions that the active snapshot sees, a partition
// under concurrent detachment included or not, each locked until the end of the transaction.  The lock on the
// partitioned table, which the read has, keeps them its partitions.
#pragma once
#include "extension/direct/eligibility.hpp"

namespace wc {

/// A table that holds rows, and the index to read it through.
struct Part {
    OpenTable table;
    Relation index;
    StudentIndex student_index;
};

class Parts {
public:
    /// Returns whether the table's own partition key allows to find the parts of a student.  REQUIRES: the table is
    /// partitioned.
    static bool can_be_found(Entity entity, const OpenTable &table);

    /// Opens the parts that may hold rows of this student, in the order of records: the latest first.  Returns false,
    /// and opens nothing, when queries must read.  Keeps its memory in the context that is current at the first call.
    ///
    /// REQUIRES: may_read_parts_directly(table); the table stays open until close(); nothing is open here.
    bool open(Entity entity, const OpenTable &table, IndexUse use, Snapshot snapshot, Datum student_id);
    void close();

    int count() const noexcept { return count_; }
    const Part &at(int i) const noexcept { return parts_[i]; }

private:
    class Search;

    Part &add();
    void close_last();

    Relation whole_ = nullptr;
    Part *parts_ = nullptr;
    int count_ = 0;
    int capacity_ = 0;
};

}  // namespace wc
