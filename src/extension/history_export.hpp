// A student's whole history, piece by piece, with memory for one piece at a time.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/history_field.hpp"
#include "extension/index_stream.hpp"
#include "extension/row_stream.hpp"

namespace wc {

enum class HistoryForm {
    Chunks,  // JSON objects: the student, records in batches, allergies, conditions, an end
    Lines,   // JSON objects: one row each, and an end
    Csv      // lines of one section, the first with the names
};

struct HistoryRequest {
    HistoryForm form;
    std::uint64_t batch_size;  // of Chunks
    Entity section;            // of Csv
    bool harmless;             // of Csv: nothing that a spreadsheet would run
};

/// The version of the form that an import understands.
inline constexpr int kHistoryFormat = 1;

/// Lives, with all that it keeps, in the memory context that was current when it was made.
class HistoryExport {
public:
    /// `ids`: those of students, of the type of their column; a NULL is nobody's.
    HistoryExport(const HistoryRequest &request, const Datum *ids, const bool *nulls, int count);

    /// Appends the next piece; false at the end.  A student who is not there, or whom a policy hides, has none.
    bool next(json::Buffer &out);

    /// Which of the ids the last piece belongs to.
    int position() const noexcept { return at_; }

    /// Gives back what is open; nothing but the end of the query may follow.
    void close();

private:
    static constexpr int kEnd = kEntities;

    void begin_next_student();
    void begin_part();
    void close_part();
    void end_part();
    std::uint64_t run(std::uint64_t limit, RowStream::Receive receive);
    bool write_chunk(json::Buffer &out);
    bool write_line(json::Buffer &out);
    bool write_csv(json::Buffer &out);
    void write_head(json::Buffer &out, std::string_view type);
    void write_end(json::Buffer &out);
    void write_csv_names(json::Buffer &out);
    static void write_row(void *self, const Datum *values, const bool *nulls);
    static void write_csv_row(void *self, const Datum *values, const bool *nulls);

    HistoryRequest request_;
    const Datum *ids_;
    const bool *nulls_;
    int count_;
    int at_ = 0;
    int part_ = 0;          // an entity, or kEnd
    bool is_over_ = false;  // nothing more of this student
    bool has_names_ = false;
    int64 number_ = 0;  // of the last piece of this student
    int64 rows_of_[kEntities] = {};
    HistoryFields fields_[kEntities];
    char *queries_[kEntities];
    Oid id_type_;
    bool is_in_part_ = false;
    IndexStream indexed_[kEntities];  // open where that is right
    RowStream rows_;                  // of the part that is running, where it is not
    MemoryContext context_;
    json::Buffer *out_ = nullptr;  // of the call that is running
    std::uint64_t written_ = 0;    // rows, in this run
};

}  // namespace wc
