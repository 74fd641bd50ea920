// An export as lines of CSV: one section of one student, with the names of the fields first.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/history/export_rows.hpp"

namespace wc {

class CsvExport {
public:
    /// With `harmless`, text that a spreadsheet would run as a formula gets an apostrophe in front.
    CsvExport(Entity section, bool harmless) noexcept : section_(section), harmless_(harmless) {}

    /// Appends the next line.  Returns false if none is left.
    ///
    /// REQUIRES: rows.advance() returned true, and the rows are of one student.
    bool write(json::Buffer &out, ExportRows &rows);

private:
    void write_names(json::Buffer &out, const HistoryFields &fields) const;

    Entity section_;
    bool harmless_;
    bool has_names_ = false;
};

}  // namespace wc
