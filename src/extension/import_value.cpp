#include "extension/import_value.hpp"

#include <charconv>

#include "core/json/reader.hpp"
#include "core/time/iso_time.hpp"
#include "extension/json_value.hpp"
#include "extension/record_type.hpp"
#include "extension/server_encoding.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "utils/date.h"
}

namespace wc {
namespace {

constexpr const char *kTimeHint = "Times are written as 2025-10-10T09:30:00.000Z.";

bool refuse(Refusal &refusal, int sqlstate, const char *reason, const char *hint = nullptr)
{
    refusal = {sqlstate, reason, hint};
    return false;
}

bool read_text(std::string_view json, int32 modifier, Datum &value, Refusal &refusal)
{
    if (json::kind_of(json) != json::Kind::String)
        return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is not text");
    json::Buffer out = make_buffer();
    switch (json::read_string(json, out, encode_for_server)) {
        case json::Unescaped::Done: break;
        case json::Unescaped::Nul:
            return refuse(refusal, ERRCODE_UNTRANSLATABLE_CHARACTER, "contains \\u0000, which no text can");
        case json::Unescaped::LoneSurrogate:
            return refuse(refusal, ERRCODE_UNTRANSLATABLE_CHARACTER, "contains one half of a Unicode surrogate pair");
        case json::Unescaped::Malformed:
            return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "has a wrong escape");
    }
    std::string_view const text = out.view().substr(VARHDRSZ);
    int const limit = modifier >= static_cast<int32>(VARHDRSZ) ? modifier - static_cast<int32>(VARHDRSZ) : 0;
    if (limit > 0 && pg_mbstrlen_with_len(text.data(), static_cast<int>(text.size())) > limit)
        return refuse(refusal, ERRCODE_STRING_DATA_RIGHT_TRUNCATION, psprintf("has more than %d characters", limit));
    value = finish_text(out);
    return true;
}

bool read_label(std::string_view json, Oid type, Datum &value, Refusal &refusal)
{
    Datum string = 0;
    if (!read_text(json, -1, string, refusal))
        return false;
    BoundColumn column{};
    column.type = type;
    const char *const label = TextDatumGetCString(string);
    if (strlen(label) >= NAMEDATALEN || !find_record_type(column, label, value))
        return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION,
                      psprintf("is not a label of %s", format_type_be(type)));
    return true;
}

bool read_time(std::string_view json, Oid type, Datum &value, Refusal &refusal)
{
    Datum text = 0;
    if (!read_text(json, -1, text, refusal)) {
        refusal.hint = kTimeHint;
        return false;
    }
    std::int64_t time = 0;
    if (!time::parse_iso_time(
            {VARDATA_ANY(DatumGetPointer(text)), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(DatumGetPointer(text)))},
            time))
        return refuse(refusal, ERRCODE_INVALID_DATETIME_FORMAT, "is not a time", kTimeHint);
    if (!IS_VALID_TIMESTAMP(time))
        return refuse(refusal, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE, "is a time that is out of range");
    if (type != DATEOID) {
        value = TimestampGetDatum(time);
        return true;
    }
    std::int64_t days = time / USECS_PER_DAY;
    if (time % USECS_PER_DAY < 0)
        --days;
    value = DateADTGetDatum(static_cast<DateADT>(days));
    return true;
}

bool read_integer(std::string_view json, Oid type, Datum &value, Refusal &refusal)
{
    if (json.size() >= 2 && json.front() == '"' && json.back() == '"')
        json = json.substr(1, json.size() - 2);
    std::int64_t number = 0;
    auto const read = std::from_chars(json.data(), json.data() + json.size(), number);
    if (json.empty() || read.ptr != json.data() + json.size() || read.ec == std::errc::invalid_argument)
        return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is not a whole number");
    std::int64_t const limit = type == INT2OID ? PG_INT16_MAX : type == INT4OID ? PG_INT32_MAX : PG_INT64_MAX;
    if (read.ec != std::errc{} || number > limit || number < -limit - 1)
        return refuse(refusal, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, "is a number that is out of range");
    value = type == INT2OID   ? Int16GetDatum(static_cast<int16>(number))
            : type == INT4OID ? Int32GetDatum(static_cast<int32>(number))
                              : Int64GetDatum(number);
    return true;
}

bool read_list(std::string_view json, Oid element, Datum &value, Refusal &refusal)
{
    if (json::kind_of(json) != json::Kind::Array)
        return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is not a list");
    int count = 0;
    std::string_view item;
    for (json::Elements items(json); items.next(item);)
        ++count;
    auto *const values = static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(count + 1)));
    auto *const nulls = static_cast<bool *>(palloc0(static_cast<Size>(count + 1)));
    int at = 0;
    for (json::Elements items(json); items.next(item); ++at) {
        nulls[at] = json::kind_of(item) == json::Kind::Null;
        if (!nulls[at] && !read_text(item, -1, values[at], refusal)) {
            refusal.reason = psprintf("has an element, number %d, that %s", at + 1, refusal.reason);
            return false;
        }
    }
    int dimensions[] = {count};
    int lower_bounds[] = {1};
    value = PointerGetDatum(construct_md_array(values, nulls, count == 0 ? 0 : 1, dimensions, lower_bounds, element, -1,
                                               false, TYPALIGN_INT));
    return true;
}

bool read_jsonb(std::string_view json, Datum &value)
{
    value = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json.data(), json.size())));
    return true;
}

// Types that go as text: with the type's own input function.
bool read_other(std::string_view json, const HistoryField &field, Datum &value, Refusal &refusal)
{
    const char *written = nullptr;
    switch (json::kind_of(json)) {
        case json::Kind::String: {
            Datum string = 0;
            if (!read_text(json, -1, string, refusal))
                return false;
            written = TextDatumGetCString(string);
            break;
        }
        case json::Kind::Number:
        case json::Kind::True:
        case json::Kind::False: written = pnstrdup(json.data(), json.size()); break;
        default: return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is not a single value");
    }
    Oid input = InvalidOid;
    Oid parameter = InvalidOid;
    getTypeInputInfo(field.type, &input, &parameter);
    value = OidInputFunctionCall(input, const_cast<char *>(written), parameter, field.modifier);
    return true;
}

}  // namespace

bool read_value(std::string_view json, const HistoryField &field, Datum &value, Refusal &refusal)
{
    switch (field.type) {
        case TEXTOID:
        case VARCHAROID: return read_text(json, field.modifier, value, refusal);
        case BOOLOID: {
            json::Kind const kind = json::kind_of(json);
            if (kind != json::Kind::True && kind != json::Kind::False)
                return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is neither true nor false");
            value = BoolGetDatum(kind == json::Kind::True);
            return true;
        }
        case INT2OID:
        case INT4OID:
        case INT8OID: return read_integer(json, field.type, value, refusal);
        case TIMESTAMPOID:
        case TIMESTAMPTZOID:
        case DATEOID: return read_time(json, field.type, value, refusal);
        case JSONBOID: return read_jsonb(json, value);
        default: break;
    }
    if (type_is_enum(field.type))
        return read_label(json, field.type, value, refusal);
    Oid const element = get_element_type(field.type);
    if (element == TEXTOID || element == VARCHAROID)
        return read_list(json, element, value, refusal);
    return read_other(json, field, value, refusal);
}

}  // namespace wc
