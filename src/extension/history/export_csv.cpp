#include "extension/history/export_csv.hpp"

#include "extension/value/csv_value.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<CsvExport>);

namespace {

struct Target {
    json::Buffer &out;
    const ExportRows &rows;
    bool harmless;
};

void write_row(void *state, const Datum *values, const bool *nulls)
{
    auto &to = *static_cast<Target *>(state);
    const HistoryFields &fields = to.rows.fields();
    int const pinned = pin_settings(fields.form);
    if (fields.entity != Entity::Students)
        write_csv_value(to.out, to.rows.student_id(), to.rows.id_type(), to.harmless);
    for (int i = 0; i < fields.count; ++i) {
        if (i != 0 || fields.entity != Entity::Students)
            to.out.append(',');
        if (!nulls[i])
            write_csv_value(to.out, exported_value(fields.fields[i], values[i]), fields.fields[i].type, to.harmless);
    }
    unpin_settings(pinned);
}

void skip_row(void *, const Datum *, const bool *) {}

}  // namespace

bool CsvExport::write(json::Buffer &out, ExportRows &rows)
{
    if (has_names_) {
        Target target{out, rows, harmless_};
        if (rows.read(1, write_row, &target) != 0)
            return true;
        rows.end_student();
        return false;
    }
    // A student who is unknown, or whom a policy hides, has no lines, not even the one with the names.
    if (rows.read(1, skip_row, nullptr) == 0)
        return false;
    rows.go_to(section_);
    has_names_ = true;
    write_names(out, rows.fields_of(section_));
    return true;
}

void CsvExport::write_names(json::Buffer &out, const HistoryFields &fields) const
{
    if (fields.entity != Entity::Students)
        out.append(std::string_view{"studentId"});
    for (int i = 0; i < fields.count; ++i) {
        if (i != 0 || fields.entity != Entity::Students)
            out.append(',');
        write_csv_text(out, fields.fields[i].name, harmless_);
    }
}

}  // namespace wc
