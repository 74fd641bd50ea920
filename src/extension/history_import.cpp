#include "extension/history_import.hpp"

#include "core/json/reader.hpp"
#include "core/time/iso_time.hpp"
#include "extension/boundary.hpp"
#include "extension/history_export.hpp"
#include "extension/import_value.hpp"
#include "extension/json_value.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<HistoryImport>);

namespace {

using namespace std::string_view_literals;

// What a chunk says of itself, and the names of its rows: many in an array, or one.
constexpr std::string_view kSections[kEntities] = {"student"sv, "records"sv, "allergies"sv, "conditions"sv};
constexpr std::string_view kItems[kEntities] = {"student"sv, "record"sv, "allergy"sv, "condition"sv};

constexpr const char *kOrderHint =
    "The argument is a JSON array of all the chunks of one export, in their order: json_agg(chunk ORDER BY (chunk ->> "
    "'chunk')::integer).";
constexpr const char *kConflictHint = "on_conflict => 'skip' leaves rows as they are, 'update' overwrites them.";

// `chunk 2 (records), row 3, field "date"`
const char *describe(const ImportPlace &place)
{
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, "chunk " INT64_FORMAT, place.chunk);
    if (place.type != nullptr)
        appendStringInfo(&text, " (%s)", place.type);
    if (place.row != 0)
        appendStringInfo(&text, ", row " INT64_FORMAT, place.row);
    if (place.field != nullptr)
        appendStringInfo(&text, ", field \"%s\"", place.field);
    return text.data;
}

void report_at(const ImportPlace &place, int sqlstate, const char *reason, const char *hint,
               const char *constraint = nullptr)
{
    ereport(ERROR, (errcode(sqlstate),
                    place.chunk == 0 ? errmsg("cannot import the history: %s", reason)
                                     : errmsg("cannot import %s: %s", describe(place), reason),
                    errdetail("Nothing was imported."), hint != nullptr ? errhint("%s", hint) : 0,
                    place.field != nullptr ? err_generic_string(PG_DIAG_COLUMN_NAME, place.field) : 0,
                    constraint != nullptr ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint) : 0));
}

[[noreturn]] void refuse(ImportPlace &place, int sqlstate, const char *reason, const char *hint = nullptr)
{
    place.is_ours = true;
    report_at(place, sqlstate, reason, hint);
    pg_unreachable();
}

// Whether errors of this class may show what is in a row.  All may but those that are about the statement or the
// server.
bool may_show_a_row(int sqlstate)
{
    switch (ERRCODE_TO_CATEGORY(sqlstate)) {
        case ERRCODE_FEATURE_NOT_SUPPORTED:
        case ERRCODE_INVALID_TRANSACTION_STATE:
        case ERRCODE_TRANSACTION_ROLLBACK:
        case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
        case ERRCODE_INSUFFICIENT_RESOURCES:
        case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
        case ERRCODE_OPERATOR_INTERVENTION:
        case ERRCODE_SYSTEM_ERROR:
        case ERRCODE_INTERNAL_ERROR: return false;
        default: return true;
    }
}

const char *reason_of(const ErrorData &error, const ImportPlace &place)
{
    const char *const constraint = error.constraint_name != nullptr ? error.constraint_name : "a constraint";
    switch (error.sqlerrcode) {
        case ERRCODE_UNIQUE_VIOLATION: return psprintf("another row has this value already (%s)", constraint);
        case ERRCODE_FOREIGN_KEY_VIOLATION: return psprintf("refers to a row that is not there (%s)", constraint);
        case ERRCODE_CHECK_VIOLATION: return psprintf("does not fulfil %s", constraint);
        case ERRCODE_NOT_NULL_VIOLATION: return "is null, and must not be";
        case ERRCODE_UNTRANSLATABLE_CHARACTER: return "contains a character that the database cannot keep";
        default: break;
    }
    if (place.field != nullptr && ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_DATA_EXCEPTION)
        return "is not a value of its type";
    return psprintf("the database refused it (SQLSTATE %s)", unpack_sql_state(error.sqlerrcode));
}

// Says an error of the database in the import's own words, without what it shows of the row.
void report(const ErrorData &error, const ImportPlace &place, const ImportRows &rows)
{
    if (place.is_ours || !may_show_a_row(error.sqlerrcode))
        return;
    ImportPlace named = place;
    if (named.field == nullptr && error.constraint_name != nullptr)
        named.field = rows.field_of_constraint(error.constraint_name);
    report_at(named, error.sqlerrcode, reason_of(error, place),
              error.sqlerrcode == ERRCODE_UNIQUE_VIOLATION ? kConflictHint : nullptr, error.constraint_name);
}

// The text of a name; of what is no name, nothing.
std::string_view name_of(std::string_view string)
{
    json::Buffer out = make_buffer();
    out.truncate(0);
    if (json::read_string(string, out) != json::Unescaped::Done)
        return {};
    return out.view();
}

// As much of a name as an error shows of it.
const char *shown(std::string_view name)
{
    int const kept = pg_mbcliplen(name.data(), static_cast<int>(name.size()), NAMEDATALEN - 1);
    return pnstrdup(name.data(), static_cast<Size>(kept));
}

// A whole number that is not negative; -1 where it is none.
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

}  // namespace

struct HistoryImport::Chunk {
    std::string_view type;
    std::string_view number;
    std::string_view student_id;
    std::string_view format;
    std::string_view export_date;
    std::string_view rows;               // an array of them, or one
    std::string_view counts[kEntities];  // of an end
    int entity = -1;                     // -1: an end
    bool has_one_row = false;
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
        refuse(place, ERRCODE_INVALID_JSON_TEXT, "it is not there, and no end was: the export was cut off", kOrderHint);
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
    std::string_view name;
    std::string_view value;
    for (json::Members members(text); members.next(name, value);) {
        if (name_of(name) == "type"sv)
            chunk.type = name_of(value);
    }
    for (int i = 0; i < kEntities; ++i) {
        if (chunk.type == kSections[i] || chunk.type == kItems[i]) {
            chunk.entity = i;
            chunk.has_one_row = chunk.type == kItems[i];
            place_->type = kSections[i].data();
        }
    }
    if (chunk.entity < 0 && chunk.type != "end"sv) {
        place_->field = "type";
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not a type of chunk",
               "Types are student, records, allergies, conditions and end.");
    }
    if (chunk.entity < 0)
        place_->type = "end";

    for (json::Members members(text); members.next(name, value);) {
        std::string_view const known = name_of(name);
        std::string_view *to = known == "chunk"sv       ? &chunk.number
                               : known == "studentId"sv ? &chunk.student_id
                                                        : nullptr;
        if (chunk.entity == 0 && known == "format"sv)
            to = &chunk.format;
        if (chunk.entity == 0 && known == "exportDate"sv)
            to = &chunk.export_date;
        if (chunk.entity >= 0 && known == chunk.type)
            to = &chunk.rows;
        for (int i = 1; i < kEntities && chunk.entity < 0; ++i) {
            if (known == kSections[i])
                to = &chunk.counts[i];
        }
        if (to == nullptr && known == "type"sv)
            continue;
        place_->field = shown(known);
        if (to == nullptr)
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not a field of such a chunk");
        if (!to->empty())
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is there twice");
        *to = value;
    }
    place_->field = nullptr;
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
    } else if (!datumIsEqual(student, student_, by_value, length)) {
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not that of the first chunk",
               "An import takes one export, of one student.");
    }
    place_->field = nullptr;
}

void HistoryImport::begin(const Chunk &chunk)
{
    has_student_ = true;
    place_->field = "format";
    if (number_of(chunk.format) != kHistoryFormat)
        refuse(*place_, ERRCODE_INVALID_JSON_TEXT, psprintf("is not %d, the format that is known here", kHistoryFormat),
               "Exports of a newer version want a newer version of white_cross.");
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
    place_->field = chunk.has_one_row ? kItems[entity_].data() : kSections[entity_].data();
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
    // The pieces of the text outlive it; what they became does not.
    MemoryContextReset(row_context_);
    place_->type = kSections[entity_].data();

    const HistoryFields &fields = rows_[entity_].fields();
    auto const count = static_cast<Size>(fields.count);
    auto *const values = static_cast<Datum *>(palloc0(sizeof(Datum) * count));
    auto *const nulls = static_cast<bool *>(palloc0(count));
    auto *const given = static_cast<bool *>(palloc0(count));
    std::string_view name;
    std::string_view value;
    for (json::Members members(row); members.next(name, value);) {
        std::string_view const known = name_of(name);
        int at = 0;
        while (at < fields.count && known != fields.fields[at].name)
            ++at;
        place_->field = at < fields.count ? fields.fields[at].name : shown(known);
        if (at == fields.count)
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "the table has no such column");
        if (given[at])
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is there twice");
        given[at] = true;
        nulls[at] = json::kind_of(value) == json::Kind::Null;
        Refusal refusal{};
        if (!nulls[at] && !read_value(value, fields.fields[at], values[at], refusal))
            refuse(*place_, refusal.sqlstate, refusal.reason, refusal.hint);
    }
    for (int i = 0; i < fields.count; ++i) {
        const HistoryField &field = fields.fields[i];
        place_->field = field.name;
        if (!given[i] && (i == student::Id || (field.not_null && !field.has_default)))
            refuse(*place_, ERRCODE_NOT_NULL_VIOLATION, "is missing");
        if (given[i] && nulls[i] && (i == student::Id || field.not_null))
            refuse(*place_, ERRCODE_NOT_NULL_VIOLATION, "is null, and must not be");
    }
    place_->field = fields.fields[student::Id].name;
    if (entity_ == 0) {
        int16 length = 0;
        bool by_value = false;
        get_typlenbyval(fields.fields[student::Id].type, &length, &by_value);
        if (!datumIsEqual(values[student::Id], student_, by_value, length))
            refuse(*place_, ERRCODE_INVALID_JSON_TEXT, "is not the chunk's studentId");
    }
    place_->field = nullptr;
    Written const written = rows_[entity_].write(values, nulls, given, student_);
    place_->field = fields.fields[student::Id].name;
    switch (written) {
        case Written::Inserted:
        case Written::Updated:
        case Written::Skipped: break;
        case Written::Conflict:
            refuse(*place_, ERRCODE_UNIQUE_VIOLATION, "a row with this id is there already", kConflictHint);
        case Written::OfAnother:
            refuse(*place_, ERRCODE_UNIQUE_VIOLATION, "a row of another student has this id already");
        case Written::Vanished:
            refuse(*place_, ERRCODE_T_R_SERIALIZATION_FAILURE, "the row with this id could not be updated",
                   "Another transaction has removed it, or a policy forbids it.");
    }
    place_->field = nullptr;
}

void HistoryImport::end(const Chunk &chunk)
{
    for (int i = 1; i < kEntities; ++i) {
        place_->field = kSections[i].data();
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
        out.append(kSections[i]);
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

// wc_import_health_history(history json, on_conflict text) → json
WC_FUNCTION(wc_import_health_history)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    OnConflict on_conflict = OnConflict::Error;
    if (!PG_ARGISNULL(1)) {
        const char *const name = text_to_cstring(PG_GETARG_TEXT_PP(1));
        bool const is_skip = strcmp(name, "skip") == 0;
        if (!is_skip && strcmp(name, "update") != 0 && strcmp(name, "error") != 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown \"on_conflict\": \"%s\"", name),
                            errhint("It is error, skip or update.")));
        if (strcmp(name, "error") != 0)
            on_conflict = is_skip ? OnConflict::Skip : OnConflict::Update;
    }
    auto const *const history = PG_GETARG_TEXT_PP(0);
    std::string_view const text{VARDATA_ANY(history), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(history))};

    json::Buffer out = make_buffer();
    SPI_connect();
    auto *const import = new (palloc(sizeof(HistoryImport))) HistoryImport(on_conflict);
    auto *const place = new (palloc(sizeof(ImportPlace))) ImportPlace;
    translated([=] { import->run(text, *place); },
               [=](const ErrorData &error) { report(error, *place, import->rows()); });
    import->write_result(out);
    SPI_finish();
    return finish_text(out);
}
