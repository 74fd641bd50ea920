// Takes an export back, whole or not at all.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"
#include "extension/history_field.hpp"
#include "extension/import_rows.hpp"

namespace wc {

/// Where an import is: what an error names.
struct ImportPlace {
    int64 chunk = 0;  // from 1; 0 before the first
    const char *type = nullptr;
    int64 row = 0;  // within the chunk, from 1; 0 outside of rows
    const char *field = nullptr;
    bool is_ours = false;  // the error that is being reported is one of the import's own
};

/// Runs between SPI_connect and SPI_finish of its caller.
class HistoryImport {
public:
    explicit HistoryImport(OnConflict on_conflict);

    /// Reads the array of chunks and writes their rows.  `place` always says where it is.
    void run(std::string_view history, ImportPlace &place);

    /// What was done, as JSON.
    void write_result(json::Buffer &out) const;

    const ImportRows &rows() const noexcept { return rows_[entity_]; }

private:
    struct Chunk;
    void read_chunk(std::string_view text);
    void check_order(const Chunk &chunk);
    void begin(const Chunk &chunk);
    void read_rows(const Chunk &chunk);
    void read_row(std::string_view row);
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
