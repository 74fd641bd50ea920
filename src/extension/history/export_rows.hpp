// The rows that an export writes: student after student, section after section, a few rows at a time.
#pragma once
#include "extension/history/field.hpp"
#include "extension/history/index_stream.hpp"
#include "extension/query/row_stream.hpp"

namespace wc {

/// The object, and all memory that it keeps, is in the memory context that was current when it was made.
class ExportRows {
public:
    /// `ids` are of the type of the students' id column.  No student has a NULL id.
    ///
    /// REQUIRES: `ids` and `nulls` live as long as this.
    ExportRows(const Datum *ids, const bool *nulls, int count);

    /// Goes on to a section of which rows may be left, or to the end of a student.  Returns false after the last
    /// student.
    bool advance();

    /// The current student: the place of the id, and the id.
    int position() const noexcept { return at_; }
    Datum student_id() const noexcept { return ids_[at_]; }
    Oid id_type() const noexcept { return id_type_; }

    /// Whether all sections of the student have been read.
    bool is_at_end() const noexcept { return part_ == kEnd; }

    /// The current section.  REQUIRES: !is_at_end().
    Entity section() const noexcept { return static_cast<Entity>(part_); }
    const HistoryFields &fields() const noexcept { return fields_[part_]; }
    const HistoryFields &fields_of(Entity section) const noexcept { return fields_[static_cast<int>(section)]; }

    /// Gives at most `limit` rows of the section to `receive`, or all if the limit is 0, and returns how many it gave.
    /// If it gave fewer, the section is over.  If the student has no row in the students' table, the whole student is
    /// over, so that no row of the other tables is shown.
    ///
    /// REQUIRES: advance() returned true since the last call, and !is_at_end().
    std::uint64_t read(std::uint64_t limit, RowStream::Receive receive, void *state);

    /// How many rows of a section read() gave of this student.
    int64 count_of(Entity section) const noexcept { return counts_[static_cast<int>(section)]; }

    /// Leaves the current section for another one.
    void go_to(Entity section);

    /// Leaves the current student: advance() begins with the next one.
    void end_student();

    /// Closes whatever is open.  REQUIRES: no other call follows.
    void close();

private:
    static constexpr int kEnd = kEntities;

    void open_section();
    void close_section();

    const Datum *ids_;
    const bool *nulls_;
    int count_;
    int at_ = 0;
    int part_ = 0;  // an entity, or kEnd
    bool is_open_ = false;
    bool is_indexed_ = false;  // an index gives the rows of the current section
    int64 counts_[kEntities] = {};
    HistoryFields fields_[kEntities];
    char *queries_[kEntities];
    Oid id_type_;
    IndexStream indexed_[kEntities];  // open where an index gives the rows, perhaps not those of every student
    RowStream rows_;                  // gives those of the current section where no index does
    MemoryContext context_;
};

}  // namespace wc
