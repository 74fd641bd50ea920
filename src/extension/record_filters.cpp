#include "extension/record_filters.hpp"

#include "core/json/reader.hpp"
#include "core/json/writer.hpp"
#include "core/time/iso_time.hpp"
#include "extension/boundary.hpp"
#include "extension/json_value.hpp"
#include "extension/record_type.hpp"
#include "extension/server_encoding.hpp"

extern "C" {
#include "utils/date.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<FilterText>);

namespace {

constexpr std::string_view kNames[kRecordFilters] = {"type", "dateFrom", "dateTo", "provider"};

// As much of a name as an error shows of it.  Values may name a person: no error shows anything of them.
const char *shown(std::string_view name)
{
    int const kept = pg_mbcliplen(name.data(), static_cast<int>(name.size()), NAMEDATALEN - 1);
    return pnstrdup(name.data(), static_cast<Size>(kept));
}

[[noreturn]] void report_no_object()
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"filters\" must be a JSON object"),
                    errhint("For example {\"type\": \"CHECKUP\", \"dateFrom\": \"2025-01-01\"}; {} for all records.")));
    pg_unreachable();
}

[[noreturn]] void report_no_text()
{
    ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
                    errmsg("a filter has a character that text of this database cannot hold"),
                    errhint("\\u0000 and halves of surrogate pairs are in no text.")));
    pg_unreachable();
}

// What a JSON string says.
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

Timestamp parse_time(RecordFilter filter, const text *value)
{
    std::int64_t time = 0;
    bool const is_time =
        time::parse_iso_time({VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))}, time);
    if (!is_time || !IS_VALID_TIMESTAMP(time))
        ereport(ERROR, (errcode(is_time ? ERRCODE_DATETIME_FIELD_OVERFLOW : ERRCODE_INVALID_DATETIME_FORMAT),
                        errmsg("filter \"%s\" is no date", kNames[filter].data()),
                        errhint("A date or a time of ISO 8601, such as 2025-10-10 or 2025-10-10T09:30:00.000Z.")));
    return time;
}

// The bound as a value of the column: of days, the first that begins at the time or later, or the last before.
Datum time_bound(Timestamp time, RecordFilter filter, Oid type)
{
    if (type != DATEOID)
        return TimestampGetDatum(time);
    Timestamp days = time / USECS_PER_DAY;
    bool const is_midnight = time % USECS_PER_DAY == 0;
    if (!is_midnight && filter == kDateFromFilter && time > 0)
        ++days;
    if (!is_midnight && filter == kDateToFilter && time < 0)
        --days;
    return DateADTGetDatum(static_cast<DateADT>(days));
}

Datum type_value(const text *label, const BoundColumn &column)
{
    Datum type = 0;
    // No label is as long as a name may not be, and the catalogue must not be asked for one.
    bool const may_be_label = !type_is_enum(column.type) || VARSIZE_ANY_EXHDR(label) < NAMEDATALEN;
    if (!may_be_label || !find_record_type(column, text_to_cstring(label), type))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("filter \"type\" is no type of records"),
                        errhint("It takes a label of %s, in its spelling.", format_type_be(column.type))));
    return type;
}

}  // namespace

void FilterText::add(std::string_view name, bool is_string, bool is_null, text *value)
{
    int filter = 0;
    while (filter < kRecordFilters && kNames[filter] != name)
        ++filter;
    if (filter == kRecordFilters)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown filter \"%s\"", shown(name)),
                        errhint("Filters are type, dateFrom, dateTo and provider.")));
    if (!is_string && !is_null)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("filter \"%s\" must be a string", kNames[filter].data()),
                        errhint("null stands for no filter.")));
    bool is_new = true;
    for (int i = 0; i < count_; ++i)
        is_new = is_new && order_[i] != filter;
    if (is_new)
        order_[count_++] = filter;
    values_[filter] = is_null ? nullptr : value;
}

FilterText FilterText::of_jsonb(Jsonb *filters)
{
    if (!JB_ROOT_IS_OBJECT(filters))
        report_no_object();
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
    json = json::trimmed(json);
    if (json::kind_of(json) != json::Kind::Object)
        report_no_object();
    FilterText written;
    std::string_view name;
    std::string_view value;
    for (json::Members members(json); members.next(name, value);) {
        json::Buffer known = make_buffer();
        known.truncate(0);
        // One that cannot be read is unknown in any case.
        if (json::read_string(name, known) != json::Unescaped::Done)
            known.truncate(0);
        json::Kind const kind = json::kind_of(value);
        bool const is_string = kind == json::Kind::String;
        written.add(known.view(), is_string, kind == json::Kind::Null, is_string ? unescaped(value) : nullptr);
    }
    return written;
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
            json::write_string(out, {VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))});
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
            filters.values[filter] =
                time_bound(parse_time(filter, written.value(filter)), filter, records.columns[record::Date].type);
    // Nothing is a part of every name, and of none.
    const text *const provider = written.value(kProviderFilter);
    filters.given[kProviderFilter] = provider != nullptr && VARSIZE_ANY_EXHDR(provider) > 0;
    filters.values[kProviderFilter] = PointerGetDatum(provider);
    return filters;
}

}  // namespace wc
