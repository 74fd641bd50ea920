// An export as JSON objects: chunks of many rows (JSON), or one row each (NDJSON).
#pragma once
#include "core/json/buffer.hpp"
#include "extension/history/export_rows.hpp"

namespace wc {

class JsonExport {
public:
    /// One object for the student, one for each `batch_size` records, one for all allergies and one for all conditions.
    static JsonExport chunks(std::uint64_t batch_size) noexcept { return JsonExport(false, batch_size); }

    /// One object for each row.
    static JsonExport lines() noexcept { return JsonExport(true, 1); }

    /// Appends the next object; the last one of a student has the numbers of rows.  Returns false if the section has no
    /// rows left; the caller must then drop what was appended.
    ///
    /// REQUIRES: rows.advance() returned true.
    bool write(json::Buffer &out, ExportRows &rows);

private:
    constexpr JsonExport(bool is_by_row, std::uint64_t batch_size) : is_by_row_(is_by_row), batch_size_(batch_size) {}

    void write_head(json::Buffer &out, const ExportRows &rows, std::string_view type, bool is_first) const;
    void write_end(json::Buffer &out, const ExportRows &rows) const;

    bool is_by_row_;
    std::uint64_t batch_size_;  // in records
    int64 written_ = 0;         // objects of this student
};

}  // namespace wc
