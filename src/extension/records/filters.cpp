#include "extension/records/filters.hpp"

#include "core/json/reader.hpp"
#include "core/json/writer.hpp"
#include "core/time/iso_time.hpp"
#include "extension/binding/enum_label.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"
#include "extension/server/time_zone.hpp"
#include "extension/value/json_argument.hpp"
#include "extension/value/json_value.hpp"
#include "extension/value/server_encoding.hpp"

extern "C" {
#include "utils/date.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<FilterText>);

namespace {

constexpr std::string_view kNames[kRecordFilters] = {"type", "dateFrom", "dateTo", "provider"};

constexpr const char *kExample = R"(For example {"type": "CHECKUP", "dateFrom": "2025-01-01"}; {} for all records.)";

// Returns as much of a name as an error shows.  Values may name a person, so no error shows any part of one.
const char *shown(std::string_view name)
{
    name = cut_text(name, NAMEDATALEN - 1);
    return pnstrdup(name.data(), name.size());
}

[[noreturn]] void report_no_object()
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"filters\" must be a JSON object"),
                    errhint("%s", kExample)));
    pg_unreachable();
}

[[noreturn]] void report_too_long()
{
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"filters\" is longer than %zu bytes", kLongestFilters),
             errhint("Filters are one JSON object with the strings type, dateFrom, dateTo and provider.")));
    pg_unreachable();
}

[[noreturn]] void report_no_text()
{
    ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
                    errmsg("a filter contains a character that text of this database cannot hold"),
                    errhint("No text can hold \\u0000 or one half of a surrogate pair.")));
    pg_unreachable();
}

// Returns the text that a JSON string stands for.
text *unescaped(std::string_view string)
{
    json::Buffer out = make_buffer();
    json::Unescaped read = json::Unescaped::Malformed;
    translated([&] { read = json::read_string(string, out, encode_for_server); },
               [](const ErrorData &error) {
                   if (error.sqlerrcode == ERRCODE_UNTRANSLATABLE_CHARACTER ||
                       error.sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED)
                       report_no_text();
               });
    if (read != json::Unescaped::Done)
        report_no_text();
    return DatumGetTextPP(finish_text(out));
}

// Converts a bound to the type of the column.  A date alone means the whole day.
Datum time_bound(RecordFilter filter, const text *value, Oid type)
{
    std::string_view const written = text_view(value);
    std::int64_t time = 0;
    bool const is_time = time::parse_iso_time(written, time);
    if (!is_time || !IS_VALID_TIMESTAMP(time))
        ereport(ERROR, (errcode(is_time ? ERRCODE_DATETIME_FIELD_OVERFLOW : ERRCODE_INVALID_DATETIME_FORMAT),
                        errmsg("filter \"%s\" is not a date", kNames[filter].data()),
                        errhint("Give a date or a time in ISO 8601, such as 2025-10-10 or 2025-10-10T09:30:00.000Z.")));
    bool const is_day = time::is_iso_day(written);
    bool const is_begin = filter == kDateFromFilter;
    if (type == DATEOID) {
        if (is_day)
            return DateADTGetDatum(static_cast<DateADT>(zone::whole_days(time)));
        return DateADTGetDatum(is_begin ? zone::first_day_from(time) : static_cast<DateADT>(zone::day_of(time)));
    }
    if (is_day)
        time = is_begin ? zone::begin_of(zone::whole_days(time)) : zone::end_of(zone::whole_days(time));
    return TimestampGetDatum(time);
}

Datum type_value(const text *label, const BoundColumn &column)
{
    Datum type = 0;
    // A label is shorter than NAMEDATALEN, and the lookup in the catalog must not get a longer one.
    bool const may_be_label = !type_is_enum(column.type) || VARSIZE_ANY_EXHDR(label) < NAMEDATALEN;
    if (!may_be_label || !find_record_type(column, text_to_cstring(label), type))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("filter \"type\" is not a type of records"),
                        errhint("Give a label of %s, in the same spelling.", format_type_be(column.type))));
    return type;
}

}  // namespace

void check_filters_size(std::string_view json)
{
    constexpr std::size_t kDeepest = 16;
    if (json.size() > kLongestFilters)
        report_too_long();
    if (json::depth_of(json) > kDeepest)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"filters\" is nested too deeply"),
                        errhint("Filters are one JSON object with the strings type, dateFrom, dateTo and provider.")));
}

void FilterText::add(std::string_view name, bool is_string, bool is_null, text *value)
{
    int filter = 0;
    while (filter < kRecordFilters && kNames[filter] != name)
        ++filter;
    if (filter == kRecordFilters)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown filter \"%s\"", shown(name)),
                        errhint("Filters are type, dateFrom, dateTo and provider.")));
    if (!is_string && !is_null)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("filter \"%s\" must be a string", kNames[filter].data()), errhint("Give null for no filter.")));
    bool is_new = true;
    for (int i = 0; i < count_; ++i)
        is_new = is_new && order_[i] != filter;
    if (is_new)
        order_[count_++] = filter;
    values_[filter] = is_null ? nullptr : value;
}

FilterText FilterText::of_argument(FunctionCallInfo fcinfo, int argument)
{
    if (PG_ARGISNULL(argument))
        return {};
    switch (json_type_of(fcinfo, argument, "filters")) {
        case JsonType::Jsonb: return of_jsonb(PG_GETARG_JSONB_P(argument));
        case JsonType::Json: return of_json(text_view(PG_GETARG_TEXT_PP(argument)));
        case JsonType::Text: break;
    }
    return of_text(text_view(PG_GETARG_TEXT_PP(argument)), "\"filters\" is", kExample);
}

FilterText FilterText::of_jsonb(Jsonb *filters)
{
    if (!JB_ROOT_IS_OBJECT(filters))
        report_no_object();
    if (VARSIZE(filters) > kLongestFilters)
        report_too_long();
    FilterText written;
    JsonbIterator *iterator = JsonbIteratorInit(&filters->root);
    JsonbValue name;
    JsonbValue value;
    JsonbIteratorNext(&iterator, &name, true);  // the object's begin
    while (JsonbIteratorNext(&iterator, &name, true) == WJB_KEY) {
        JsonbIteratorNext(&iterator, &value, true);
        bool const is_string = value.type == jbvString;
        written.add({name.val.string.val, static_cast<std::size_t>(name.val.string.len)}, is_string,
                    value.type == jbvNull,
                    is_string ? cstring_to_text_with_len(value.val.string.val, value.val.string.len) : nullptr);
    }
    return written;
}

FilterText FilterText::of_json(std::string_view json)
{
    check_filters_size(json);
    json = json::trimmed(json);
    if (json::kind_of(json) != json::Kind::Object)
        report_no_object();
    FilterText written;
    std::string_view name;
    std::string_view value;
    for (json::Members members(json); members.next(name, value);) {
        json::Buffer known = make_buffer();
        known.truncate(0);
        // A name that cannot be read becomes empty.  No filter has that name, so add() reports it.
        if (json::read_string(name, known) != json::Unescaped::Done)
            known.truncate(0);
        json::Kind const kind = json::kind_of(value);
        bool const is_string = kind == json::Kind::String;
        written.add(known.view(), is_string, kind == json::Kind::Null, is_string ? unescaped(value) : nullptr);
    }
    return written;
}

FilterText FilterText::of_text(std::string_view text, const char *what, const char *hint)
{
    check_filters_size(text);
    check_json(text, what, hint);
    return of_json(text);
}

void FilterText::write(json::Buffer &out) const
{
    out.append('{');
    for (int i = 0; i < count_; ++i) {
        if (i != 0)
            out.append(',');
        json::write_string(out, kNames[order_[i]]);
        out.append(':');
        if (const text *const value = values_[order_[i]])
            json::write_string(out, text_view(value));
        else
            json::write_null(out);
    }
    out.append('}');
}

RecordFilters resolve_filters(const FilterText &written, const BoundTable &records)
{
    RecordFilters filters{};
    for (int i = 0; i < kRecordFilters; ++i)
        filters.given[i] = written.value(static_cast<RecordFilter>(i)) != nullptr;
    if (filters.given[kTypeFilter])
        filters.values[kTypeFilter] = type_value(written.value(kTypeFilter), records.columns[record::Type]);
    for (RecordFilter const filter : {kDateFromFilter, kDateToFilter})
        if (filters.given[filter])
            filters.values[filter] = time_bound(filter, written.value(filter), records.columns[record::Date].type);
    // An empty provider is no filter: it is a part of every name, but a record without a provider has no name.
    const text *const provider = written.value(kProviderFilter);
    filters.given[kProviderFilter] = provider != nullptr && VARSIZE_ANY_EXHDR(provider) > 0;
    filters.values[kProviderFilter] = PointerGetDatum(provider);
    return filters;
}

}  // namespace wc
