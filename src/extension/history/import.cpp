#include "extension/history/import.hpp"

#include "core/json/reader.hpp"
#include "core/time/iso_time.hpp"
#include "extension/binding/absent_table.hpp"
#include "extension/binding/id.hpp"
#include "extension/history/import_value.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_argument.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<HistoryImport>);

namespace {

using namespace std::string_view_literals;

// Returns the text of a name; empty where the JSON is not a string.
std::string_view name_of(std::string_view string)
{
    json::Buffer out = make_buffer();
    out.truncate(0);
    if (json::read_string(string, out) != json::Unescaped::Done)
        return {};
    return out.view();
}

// Returns a whole number that is not negative; -1 where the JSON is anything else.
int64 number_of(std::string_view value)
{
    if (value.empty() || value.size() > 15)
        return -1;
    int64 number = 0;
    for (char const c : value) {
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    return number;
}

// Returns the index of a field; fields.count where no field has the name.
int find_field(const HistoryFields &fields, std::string_view name)
{
    int at = 0;
    while (at < fields.count && name != fields.fields[at].name)
        ++at;
    return at;
}

}  // namespace

struct HistoryImport::Chunk {
    std::string_view type;
    std::string_view number;
    std::string_view student_id;
    std::string_view format;
    std::string_view export_date;
    std::string_view rows;               // an array of rows, or one row
    std::string_view counts[kEntities];  // of a chunk of type end
    int entity = -1;                     // -1: a chunk of type end
    bool has_one_row = false;

    // Returns where the member belongs; null where a chunk of this type has no such member.
    std::string_view *member(std::string_view name) noexcept
    {
        if (name == "chunk"sv)
            return &number;
        if (name == "studentId"sv)
            return &student_id;
        if (entity == 0 && name == "format"sv)
            return &format;
        if (entity == 0 && name == "exportDate"sv)
            return &export_date;
        if (entity >= 0)
            return name == type ? &rows : nullptr;
        for (int i = 1; i < kEntities; ++i) {
            if (name == kSectionNames[i])
                return &counts[i];
        }
        return nullptr;
    }
};

HistoryImport::HistoryImport(OnConflict on_conflict)
{
    row_context_ = AllocSetContextCreate(CurrentMemoryContext, "white_cross import", ALLOCSET_DEFAULT_SIZES);
    for (int i = 0; i < kEntities; ++i)
        rows_[i].open(static_cast<Entity>(i), on_conflict);
}

void HistoryImport::run(std::string_view history, ImportPlace &place)
{
    place_ = &place;
    history = json::trimmed(history);
    if (json::kind_of(history) != json::Kind::Array)
        refuse(place, ERRCODE_INVALID_JSON_TEXT, "it is not an array of chunks", kOrderHint);
    std::string_view chunk;
    for (json::Elements chunks(history); chunks.next(chunk);)
        read_chunk(chunk);
    if (!has_end_) {
        place = {place.chunk + 1, nullptr, 0, nullptr, false};
        refuse(place, ERRCODE_INVALID_JSON_TEXT, "it is missing, and no end came before it: the export was cut off",
               kOrderHint);
    }
}

void HistoryImport::read_chunk(std::string_view text)
{
    MemoryContextReset(row_context_);
    MemoryContext const caller = MemoryContextSwitchTo(row_context_);
    *place_ = {place_->chunk + 1, nullptr, 0, nullptr, false};
    if (json::kind_of(text) != json::Kind::Object)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "it is not an object", kOrderHint);
    Chunk chunk;
    read_type(text, chunk);
    read_members(text, chunk);
    check_order(chunk);
    if (chunk.entity < 0) {
        end(chunk);
    } else {
        entity_ = chunk.entity;
        if (entity_ == 0)
            begin(chunk);
        read_rows(chunk);
    }
    MemoryContextSwitchTo(caller);
}

void HistoryImport::read_type(std::string_view text, Chunk &chunk)
{
    std::string_view name;
    std::string_view value;
    for (json::Members members(text); members.next(name, value);) {
        if (name_of(name) == "type"sv)
            chunk.type = name_of(value);
    }
    for (int i = 0; i < kEntities; ++i) {
        if (chunk.type == kSectionNames[i] || chunk.type == kRowNames[i]) {
            chunk.entity = i;
            chunk.has_one_row = chunk.type == kRowNames[i];
            place_->type = kSectionNames[i].data();
        }
    }
    if (chunk.entity < 0 && chunk.type != "end"sv) {
        place_->field = "type";
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not a type of chunk",
               "Types are student, records, allergies, conditions and end.");
    }
    if (chunk.entity < 0)
        place_->type = "end";
}

void HistoryImport::read_members(std::string_view text, Chunk &chunk)
{
    std::string_view name;
    std::string_view value;
    for (json::Members members(text); members.next(name, value);) {
        std::string_view const known = name_of(name);
        if (known == "type"sv)
            continue;
        std::string_view *const to = chunk.member(known);
        place_->field = shown(known);
        if (to == nullptr)
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not a field of a chunk of this type");
        if (!to->empty())
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "appears twice");
        *to = value;
    }
    place_->field = nullptr;
}

void HistoryImport::check_order(const Chunk &chunk)
{
    if (has_end_)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "it comes after the end",
               "An import takes one export, of one student.");
    place_->field = "chunk";
    if (number_of(chunk.number) != place_->chunk)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not the number of this chunk", kOrderHint);
    place_->field = nullptr;
    if (!has_student_ && chunk.entity != 0)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "an export begins with its student", kOrderHint);
    if (has_student_ && chunk.entity == 0)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "there is a second student",
               "An import takes one export, of one student.");

    place_->field = "studentId";
    const HistoryField &id = rows_[0].fields().fields[student::Id];
    Datum student = 0;
    Refusal refusal{};
    if (chunk.student_id.empty() || json::kind_of(chunk.student_id) == json::Kind::Null)
        refuse(*place_, ERRCODE_NOT_NULL_VIOLATION, "is missing");
    if (!read_value(chunk.student_id, id, student, refusal))
        refuse(*place_, refusal.sqlstate, refusal.reason, refusal.hint);
    int16 length = 0;
    bool by_value = false;
    get_typlenbyval(id.type, &length, &by_value);
    if (!has_student_) {
        MemoryContext const chunk_context = MemoryContextSwitchTo(MemoryContextGetParent(row_context_));
        student_ = datumCopy(student, by_value, length);
        MemoryContextSwitchTo(chunk_context);
        if (audit::is_recording())
            audit::note_id(student_id_text(student_, id.type));
    } else if (!datumIsEqual(student, student_, by_value, length)) {
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "differs from that of the first chunk",
               "An import takes one export, of one student.");
    }
    place_->field = nullptr;
}

void HistoryImport::begin(const Chunk &chunk)
{
    has_student_ = true;
    place_->field = "format";
    if (number_of(chunk.format) != kHistoryFormat)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT,
               psprintf("is not %d, the format that this version of white_cross reads", kHistoryFormat),
               "Import the export with the version of white_cross that wrote it, or a later one.");
    place_->field = "exportDate";
    std::int64_t time = 0;
    if (!time::parse_iso_time(name_of(chunk.export_date), time))
        refuse(*place_, ERRCODE_INVALID_DATETIME_FORMAT, "is not a time",
               "Times are written as 2025-10-10T09:30:00.000Z.");
    place_->field = nullptr;
}

void HistoryImport::read_rows(const Chunk &chunk)
{
    bool const has_array = !chunk.has_one_row;
    place_->field = chunk.has_one_row ? kRowNames[entity_].data() : kSectionNames[entity_].data();
    if (json::kind_of(chunk.rows) != (has_array ? json::Kind::Array : json::Kind::Object))
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, has_array ? "is not an array of rows" : "is not a row");
    if (!has_array) {
        read_row(chunk.rows);
        return;
    }
    std::string_view row;
    for (json::Elements rows(chunk.rows); rows.next(row);)
        read_row(row);
}

void HistoryImport::read_row(std::string_view row)
{
    CHECK_FOR_INTERRUPTS();
    place_->field = nullptr;
    ++place_->row;
    if (json::kind_of(row) != json::Kind::Object)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "it is not an object");
    if (is_absent(*rows_[entity_].fields().table))
        refuse(*place_, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "no table is attached that could hold it",
               "Create the table, and run wc_attach again.");
    // The text outlives the reset; the values that were made from it do not.
    MemoryContextReset(row_context_);
    place_->type = kSectionNames[entity_].data();

    auto const count = static_cast<Size>(rows_[entity_].fields().count);
    RowValues const read{static_cast<Datum *>(palloc0(sizeof(Datum) * count)), static_cast<bool *>(palloc0(count)),
                         static_cast<bool *>(palloc0(count))};
    read_values(row, read);
    check_values(read);
    write(read);
}

void HistoryImport::read_values(std::string_view row, const RowValues &read)
{
    const HistoryFields &fields = rows_[entity_].fields();
    std::string_view json_nulls;
    std::string_view name;
    std::string_view value;
    int const pinned = pin_settings(fields.form);
    for (json::Members members(row); members.next(name, value);) {
        std::string_view const known = name_of(name);
        if (known == fields.json_nulls) {
            place_->field = fields.json_nulls;
            if (!json_nulls.empty())
                refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "appears twice");
            json_nulls = value;
            continue;
        }
        int const at = find_field(fields, known);
        place_->field = at < fields.count ? fields.fields[at].name : shown(known);
        if (at == fields.count)
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "the table has no such column");
        if (read.given[at])
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "appears twice");
        read.given[at] = true;
        read.nulls[at] = json::kind_of(value) == json::Kind::Null;
        Refusal refusal{};
        if (!read.nulls[at] && !read_value(value, fields.fields[at], read.values[at], refusal))
            refuse(*place_, refusal.sqlstate, refusal.reason, refusal.hint);
    }
    unpin_settings(pinned);
    if (!json_nulls.empty())
        read_json_nulls(json_nulls, read);
}

void HistoryImport::check_values(const RowValues &read)
{
    const HistoryFields &fields = rows_[entity_].fields();
    for (int i = 0; i < fields.count; ++i) {
        const HistoryField &field = fields.fields[i];
        place_->field = field.name;
        if (!read.given[i] && (i == student::Id || (field.not_null && !field.has_default)))
            refuse(*place_, ERRCODE_NOT_NULL_VIOLATION, "is missing");
        if (read.given[i] && read.nulls[i] && (i == student::Id || field.not_null))
            refuse(*place_, ERRCODE_NOT_NULL_VIOLATION, "is null, but must not be");
    }
    place_->field = fields.fields[student::Id].name;
    if (entity_ == 0) {
        int16 length = 0;
        bool by_value = false;
        get_typlenbyval(fields.fields[student::Id].type, &length, &by_value);
        if (!datumIsEqual(read.values[student::Id], student_, by_value, length))
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not the chunk's studentId");
    }
    place_->field = nullptr;
}

void HistoryImport::write(const RowValues &read)
{
    ImportRows &rows = rows_[entity_];
    Written const written = rows.write(read.values, read.nulls, read.given, student_);
    place_->field = rows.fields().fields[student::Id].name;
    switch (written) {
        case Written::Inserted:
        case Written::Updated:
        case Written::Skipped: break;
        case Written::Conflict:
            refuse(*place_, ERRCODE_UNIQUE_VIOLATION, "a row with this id exists already", kConflictHint);
        case Written::OfAnother:
            refuse(*place_, ERRCODE_UNIQUE_VIOLATION, "a row of another student has this id already");
        case Written::Fixed:
            place_->field = rows.fixed_field();
            refuse(*place_, ERRCODE_GENERATED_ALWAYS,
                   "differs from the value of the row, and no update can change a value that PostgreSQL assigned",
                   "The column is GENERATED ALWAYS AS IDENTITY. Leave the field out of the row to keep its value.");
        case Written::Vanished:
            refuse(*place_, ERRCODE_T_R_SERIALIZATION_FAILURE, "the row with this id could not be updated",
                   "Another transaction has removed it, or a policy forbids it.");
    }
    place_->field = nullptr;
}

// Reads the list of the fields that are null in the row because the table has JSON's null there.
void HistoryImport::read_json_nulls(std::string_view names, const RowValues &read)
{
    const HistoryFields &fields = rows_[entity_].fields();
    place_->field = fields.json_nulls;
    if (json::kind_of(names) != json::Kind::Array)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not a list of fields");
    std::string_view name;
    for (json::Elements list(names); list.next(name);) {
        int const at = find_field(fields, name_of(name));
        if (at == fields.count || fields.fields[at].type != JSONBOID || !read.given[at] || !read.nulls[at])
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "names a field that is not of type jsonb, or not null");
        read.values[at] = DirectFunctionCall1(jsonb_in, CStringGetDatum("null"));
        read.nulls[at] = false;
    }
    place_->field = nullptr;
}

void HistoryImport::end(const Chunk &chunk)
{
    for (int i = 1; i < kEntities; ++i) {
        place_->field = kSectionNames[i].data();
        if (number_of(chunk.counts[i]) != rows_[i].count())
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not the number of rows that came before", kOrderHint);
    }
    place_->field = nullptr;
    has_end_ = true;
}

void HistoryImport::write_result(json::Buffer &out) const
{
    out.append(R"({"studentId":)"sv);
    write_value(out, student_, rows_[0].fields().fields[student::Id].type);
    for (int i = 0; i < kEntities; ++i) {
        out.append(",\""sv);
        out.append(kSectionNames[i]);
        out.append(R"(":{"inserted":)"sv);
        json::write_integer(out, rows_[i].count_of(Written::Inserted));
        out.append(R"(,"updated":)"sv);
        json::write_integer(out, rows_[i].count_of(Written::Updated));
        out.append(R"(,"skipped":)"sv);
        json::write_integer(out, rows_[i].count_of(Written::Skipped));
        out.append('}');
    }
    out.append('}');
}

}  // namespace wc

using namespace wc;

// wc_import_health_history(history json | jsonb | text, on_conflict text) → json
WC_READING_FUNCTION(wc_import_health_history)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    OnConflict on_conflict = OnConflict::Error;
    if (!PG_ARGISNULL(1)) {
        const char *const name = text_to_cstring(PG_GETARG_TEXT_PP(1));
        bool const is_skip = strcmp(name, "skip") == 0;
        if (!is_skip && strcmp(name, "update") != 0 && strcmp(name, "error") != 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown \"on_conflict\": \"%s\"", name),
                            errhint("\"on_conflict\" is error, skip or update.")));
        if (strcmp(name, "error") != 0)
            on_conflict = is_skip ? OnConflict::Skip : OnConflict::Update;
    }
    std::string_view const history = json_text_argument(fcinfo, 0, "history", kOrderHint);

    lock_tables({Entity::Students, Entity::HealthRecords, Entity::Allergies, Entity::ChronicConditions});
    json::Buffer out = make_buffer();
    SPI_connect();
    auto *const import = new (palloc(sizeof(HistoryImport))) HistoryImport(on_conflict);
    auto *const place = new (palloc(sizeof(ImportPlace))) ImportPlace;
    translated([=] { import->run(history, *place); },
               [=](const ErrorData &error) { report(error, *place, import->rows()); });
    import->write_result(out);
    SPI_finish();
    return finish_text(out);
}
