// Imports the export of one student, completely or not at all.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"
#include "extension/history/field.hpp"
#include "extension/history/import_error.hpp"
#include "extension/history/import_rows.hpp"

namespace wc {

/// REQUIRES: the caller has connected to SPI.
class HistoryImport {
public:
    explicit HistoryImport(OnConflict on_conflict);

    /// Reads the array of chunks and writes their rows.  `place` follows it, for the error that it may raise.
    void run(std::string_view history, ImportPlace &place);

    /// Writes the numbers of inserted, updated and skipped rows as JSON.
    void write_result(json::Buffer &out) const;

    /// The rows of the current section.
    const ImportRows &rows() const noexcept { return rows_[entity_]; }

private:
    struct Chunk;

    // What was read of one row, field by field.
    struct RowValues {
        Datum *values;
        bool *nulls;
        bool *given;
    };

    void read_chunk(std::string_view text);
    void read_type(std::string_view text, Chunk &chunk);
    void read_members(std::string_view text, Chunk &chunk);
    void check_order(const Chunk &chunk);
    void begin(const Chunk &chunk);
    void read_rows(const Chunk &chunk);
    void read_row(std::string_view row);
    void read_values(std::string_view row, const RowValues &read);
    void read_json_nulls(std::string_view names, const RowValues &read);
    void check_values(const RowValues &read);
    void write(const RowValues &read);
    void end(const Chunk &chunk);

    ImportPlace *place_ = nullptr;
    int entity_ = 0;
    bool has_student_ = false;
    bool has_end_ = false;
    Datum student_ = 0;
    MemoryContext row_context_;
    ImportRows rows_[kEntities];
};

}  // namespace wc
