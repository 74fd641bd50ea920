#include "extension/audit/record.hpp"

#include "extension/audit/member.hpp"
#include "extension/audit/reader.hpp"
#include "extension/server/key_secret.hpp"
#include "extension/server/log_line.hpp"
#include "extension/server/settings.hpp"
#include "extension/server/text_buffer.hpp"
#include "extension/server/text_view.hpp"

namespace wc::audit {

struct Record {
    json::Buffer line;      // all that is known so far, up to the last id
    std::size_t ids_begin;  // where in the line the ids begin
    Record *around;         // what else is being recorded while this call runs; null unless it is a set's later row
    int within;             // how many calls run within this one
    std::int64_t ids;
    std::int64_t shown_ids;
    std::int64_t rows;
    std::int64_t nothing;
    std::int64_t from_memory;
    bool only_failures;
    Subject subject;
};
static_assert(std::is_trivially_destructible_v<Record>);

namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kMostIds = 100;
// A caller can pass any text as an id.
constexpr int kLongestId = 128;

Record *current = nullptr;

// Records live here, because a set's next row may be fetched in another memory context.
MemoryContext memory()
{
    static MemoryContext context = nullptr;
    if (context == nullptr)
        context = AllocSetContextCreate(TopMemoryContext, "white_cross audit", ALLOCSET_DEFAULT_SIZES);
    return context;
}

std::string_view name_of_ids(Subject subject)
{
    return subject == Subject::Records ? R"(,"records":[)"sv : R"(,"students":[)"sv;
}

// What is known of a call when it begins.  Settings and roles may be others when it ends.
void append_begin(json::Buffer &out, std::string_view function, Subject subject)
{
    out.append(R"(white_cross audit: {"at":)"sv);
    json::write_exact_timestamp(out, GetCurrentTimestamp());
    out.append(R"(,"function":)"sv);
    json::write_string(out, function);
    out.append(reader());
    out.append(name_of_ids(subject));
}

std::string_view result_of(const Record &record, int sqlstate)
{
    if (sqlstate != 0)
        return "error"sv;
    return record.rows > record.nothing ? "read"sv : "none"sv;
}

void append_end(Record &record, std::string_view result, const End &end)
{
    json::Buffer &out = record.line;
    out.append(record.subject == Subject::Records ? R"(],"record_count":)"sv : R"(],"student_count":)"sv);
    json::write_integer(out, record.ids);
    append_member(out, R"(,"rows":)"sv, Max(record.rows - record.nothing, 0));
    append_member(out, R"(,"from_memory":)"sv, record.from_memory);
    out.append(R"(,"result":)"sv);
    json::write_string(out, result);
    out.append(R"(,"complete":)"sv);
    json::write_boolean(out, end.is_complete);
    append_member(out, R"(,"sqlstate":)"sv, end.sqlstate == 0 ? nullptr : unpack_sql_state(end.sqlstate));
    char trace[trace::kTraceDigits + 1] = "";
    if ((end.trace.high | end.trace.low) != 0) {
        trace::write_hex(end.trace, trace);
        trace[trace::kTraceDigits] = '\0';
    }
    append_member(out, R"(,"trace_id":)"sv, trace);
    out.append('}');
    out.append('\0');
}

void add_id(Record &record, std::string_view id)
{
    ++record.ids;
    if (record.shown_ids == kMostIds)
        return;
    if (record.shown_ids++ != 0)
        record.line.append(',');
    json::write_string(record.line, id);
}

// Returns the length of the JSON string with which the text begins.
std::size_t string_length(std::string_view text)
{
    std::size_t at = 1;
    while (at < text.size() && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    return at + 1;
}

// Whether the line has the id.  It compares whole JSON strings: an id can hold what stands between two others.
bool has_id(const Record &record, std::string_view id)
{
    MemoryContext const caller = MemoryContextSwitchTo(memory());
    json::Buffer wanted = make_buffer();
    MemoryContextSwitchTo(caller);
    std::size_t const start = wanted.size();
    json::write_string(wanted, id);
    std::string_view const one = wanted.view().substr(start);
    std::string_view ids = record.line.view().substr(record.ids_begin);
    bool found = false;
    while (!found && !ids.empty()) {
        std::size_t const length = string_length(ids);
        found = ids.substr(0, length) == one;
        ids.remove_prefix(length < ids.size() ? length + 1 : ids.size());
    }
    pfree(wanted.data());
    return found;
}

std::string_view shortened(std::string_view id)
{
    return id.size() <= std::size_t{kLongestId} ? id : cut_text(id, kLongestId);
}

// How the line names a student or a record.  A call does not fail because its line cannot name whom it is about.
std::string_view shown(const Record &record, std::string_view id, opaque::Id &buffer)
{
    if (!settings::opaque_keys() || record.subject == Subject::Records)
        return shortened(id);
    const opaque::Secret *const secret = key_secret_if_any();
    if (secret == nullptr)
        return "?"sv;
    buffer = secret->id_of(id);
    return buffer.view();
}

}  // namespace

bool is_on() noexcept { return settings::audit() != settings::Audit::Off; }

Part begin(std::string_view function, Subject subject)
{
    if (current != nullptr) {
        ++current->within;
        return {nullptr, true};
    }
    if (!is_on())
        return {};
    MemoryContext const caller = MemoryContextSwitchTo(memory());
    auto *const record = static_cast<Record *>(palloc(sizeof(Record)));
    new (record)
        Record{make_buffer(), 0, nullptr, 0, 0, 0, 0, 0, 0, settings::audit() == settings::Audit::Failed, subject};
    MemoryContextSwitchTo(caller);
    append_begin(record->line, function, subject);
    record->ids_begin = record->line.size();
    current = record;
    return {record, false};
}

void leave(const Part &part) noexcept
{
    if (part.record != nullptr)
        current = part.record->around;
    else if (part.is_within)
        --current->within;
}

Part resume(Record *record) noexcept
{
    if (record != nullptr) {
        record->around = current;
        current = record;
    } else if (current != nullptr) {
        ++current->within;
    }
    return {record, record == nullptr && current != nullptr};
}

void end(Record *record, const End &end)
{
    if (record == nullptr)
        return;
    std::string_view const result = result_of(*record, end.sqlstate);
    if (!record->only_failures || result != "read"sv) {
        append_end(*record, result, end);
        write_log_line("%s", record->line.data() + VARHDRSZ);
    }
    pfree(record->line.data());
    pfree(record);
}

bool is_recording() noexcept { return current != nullptr; }

void note_id(std::string_view id)
{
    opaque::Id buffer;
    if (current != nullptr)
        add_id(*current, shown(*current, id, buffer));
}

void note_id_once(std::string_view id)
{
    if (current == nullptr)
        return;
    opaque::Id buffer;
    std::string_view const name = shown(*current, id, buffer);
    if (!has_id(*current, name))
        add_id(*current, name);
}

void note_nothing() noexcept
{
    if (current != nullptr && current->within == 0)
        ++current->nothing;
}

void note_from_memory() noexcept
{
    if (current != nullptr && current->within == 0)
        ++current->from_memory;
}

void note_result(Record *record, FunctionCallInfo fcinfo)
{
    if (record == nullptr)
        return;
    auto const *const set = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
    if (!fcinfo->flinfo->fn_retset || set == nullptr || !IsA(set, ReturnSetInfo))
        record->rows += fcinfo->isnull ? 0 : 1;
    else if (set->returnMode == SFRM_Materialize)
        record->rows += set->setResult == nullptr ? 0 : tuplestore_tuple_count(set->setResult);
    else
        record->rows += set->isDone == ExprMultipleResult ? 1 : 0;
}

}  // namespace wc::audit
