// A student's whole history, piece by piece, with memory for one piece at a time.
#pragma once
#include "extension/history/export_csv.hpp"
#include "extension/history/export_json.hpp"

namespace wc {

/// The form of an export: one of the two writers.
class HistoryForm {
public:
    HistoryForm(const JsonExport &json) noexcept : is_csv_(false), json_(json) {}
    HistoryForm(const CsvExport &csv) noexcept : is_csv_(true), csv_(csv) {}

    bool write(json::Buffer &out, ExportRows &rows) { return is_csv_ ? csv_.write(out, rows) : json_.write(out, rows); }

private:
    bool is_csv_;
    union {
        JsonExport json_;
        CsvExport csv_;
    };
};

/// The object, and all memory that it keeps, is in the memory context that was current when it was made.
class HistoryExport {
public:
    /// `ids` and `nulls` are the arguments of ExportRows().
    HistoryExport(const HistoryForm &form, const Datum *ids, const bool *nulls, int count);

    /// Appends the next piece; returns false at the end.  An unknown student, or one whom a policy hides, has none.
    bool next(json::Buffer &out);

    /// The place of the id that the last piece belongs to.
    int position() const noexcept { return position_; }

    /// Closes whatever is open.  REQUIRES: no other call follows.
    void close() { rows_.close(); }

private:
    HistoryForm form_;
    ExportRows rows_;
    int position_ = 0;
};

}  // namespace wc
