#include "extension/history/export_json.hpp"

#include "extension/value/json_value.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<JsonExport>);

namespace {

using namespace std::string_view_literals;

// Raises an error for a value that no import can read.  Such a value is of a type without an input function; or it is a
// name whose text cannot be read back, such as a regproc that is one of several overloaded functions.
void check_importable(const HistoryFields &fields, const HistoryField &field, Datum value)
{
    if (field.form.is_for_good)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot export column \"%s\" of \"%s\": no import can read values of type %s",
                               field.column, NameStr(fields.table->table_name), format_type_be(field.type)),
                        errhint("Set the column to NULL, or cast it to text in a column of its own.")));
    if (field.form.has_names) {
        Oid input = InvalidOid;
        Oid parameter = InvalidOid;
        getTypeInputInfo(field.type, &input, &parameter);
        (void)OidInputFunctionCall(input, output_text(value, field.type), parameter, field.modifier);
    }
}

bool is_json_null_in(const HistoryField &field, Datum stored)
{
    return field.type == JSONBOID && is_json_null(stored, field.stored == Stored::Json ? JSONOID : JSONBOID);
}

void write_json_nulls(json::Buffer &out, const HistoryFields &fields, const Datum *values, const bool *nulls)
{
    out.append(fields.before_json_nulls);
    char separator = '[';
    for (int i = 0; i < fields.count; ++i) {
        if (nulls[i] || !is_json_null_in(fields.fields[i], values[i]))
            continue;
        out.append(separator);
        json::write_string(out, fields.fields[i].name);
        separator = ',';
    }
    out.append(']');
}

struct Target {
    json::Buffer &out;
    const HistoryFields &fields;
    int64 rows = 0;
};

void write_row(void *state, const Datum *values, const bool *nulls)
{
    auto &to = *static_cast<Target *>(state);
    json::Buffer &out = to.out;
    const HistoryFields &fields = to.fields;
    if (to.rows++ != 0)
        out.append(',');
    int const pinned = pin_settings(fields.form);
    int json_nulls = 0;
    for (int i = 0; i < fields.count; ++i) {
        const HistoryField &field = fields.fields[i];
        out.append(field.before);
        if (nulls[i]) {
            json::write_null(out);
            continue;
        }
        check_importable(fields, field, values[i]);
        write_value(out, exported_value(field, values[i]), field.type, Detail::Kept);
        json_nulls += is_json_null_in(field, values[i]) ? 1 : 0;
    }
    unpin_settings(pinned);
    if (json_nulls != 0)
        write_json_nulls(out, fields, values, nulls);
    out.append('}');
}

}  // namespace

bool JsonExport::write(json::Buffer &out, ExportRows &rows)
{
    if (rows.is_at_end()) {
        write_end(out, rows);
        rows.end_student();
        written_ = 0;
        return true;
    }
    Entity const section = rows.section();
    int const part = static_cast<int>(section);
    std::string_view const type = is_by_row_ ? kRowNames[part] : kSectionNames[part];
    bool const is_list = !is_by_row_ && section != Entity::Students;
    bool const is_batch = is_by_row_ || section == Entity::HealthRecords;
    Target target{out, rows.fields()};
    write_head(out, rows, type, section == Entity::Students);
    out.append(",\""sv);
    out.append(type);
    out.append("\":"sv);
    if (is_list)
        out.append('[');
    rows.read(is_batch ? batch_size_ : 0, write_row, &target);
    if (is_list)
        out.append(']');
    out.append('}');
    // The chunks of allergies and conditions appear even when they are empty.
    bool const is_written = target.rows != 0 || (is_list && section != Entity::HealthRecords);
    written_ += is_written ? 1 : 0;
    return is_written;
}

void JsonExport::write_head(json::Buffer &out, const ExportRows &rows, std::string_view type, bool is_first) const
{
    out.append(R"({"type":")"sv);
    out.append(type);
    out.append(R"(","chunk":)"sv);
    json::write_integer(out, written_ + 1);
    out.append(R"(,"studentId":)"sv);
    write_value(out, rows.student_id(), rows.id_type());
    if (is_first) {
        out.append(R"(,"format":)"sv);
        json::write_integer(out, kHistoryFormat);
        out.append(R"(,"exportDate":)"sv);
        json::write_timestamp(out, GetCurrentTransactionStartTimestamp());
    }
}

void JsonExport::write_end(json::Buffer &out, const ExportRows &rows) const
{
    write_head(out, rows, "end"sv, false);
    for (Entity const section : {Entity::HealthRecords, Entity::Allergies, Entity::ChronicConditions}) {
        out.append(",\""sv);
        out.append(kSectionNames[static_cast<int>(section)]);
        out.append("\":"sv);
        json::write_integer(out, rows.count_of(section));
    }
    out.append('}');
}

}  // namespace wc
