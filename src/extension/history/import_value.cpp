#include "extension/history/import_value.hpp"

#include <algorithm>
#include <charconv>

#include "core/json/reader.hpp"
#include "core/time/iso_time.hpp"
#include "extension/binding/enum_label.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_value.hpp"
#include "extension/value/server_encoding.hpp"

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
            return refuse(refusal, ERRCODE_UNTRANSLATABLE_CHARACTER, "contains \\u0000, which text cannot hold");
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

// Returns 1 for infinity, -1 for -infinity, and 0 for any other text.
int infinity_of(std::string_view text) { return text == "infinity" ? 1 : text == "-infinity" ? -1 : 0; }

bool read_time(std::string_view json, Oid type, Datum &value, Refusal &refusal)
{
    Datum string = 0;
    if (!read_text(json, -1, string, refusal)) {
        refusal.hint = kTimeHint;
        return false;
    }
    std::string_view const text = text_view(string);
    if (int const infinity = infinity_of(text); infinity != 0) {
        if (type == DATEOID)
            value = DateADTGetDatum(infinity < 0 ? DATEVAL_NOBEGIN : DATEVAL_NOEND);
        else
            value = TimestampGetDatum(infinity < 0 ? DT_NOBEGIN : DT_NOEND);
        return true;
    }
    std::int64_t day = 0;
    std::int64_t of_day = 0;
    if (!time::parse_iso_time(text, day, of_day))
        return refuse(refusal, ERRCODE_INVALID_DATETIME_FORMAT, "is not a time", kTimeHint);
    std::int64_t const julian = day + POSTGRES_EPOCH_JDATE;
    if (julian < DATETIME_MIN_JULIAN || julian >= (type == DATEOID ? DATE_END_JULIAN : TIMESTAMP_END_JULIAN))
        return refuse(refusal, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE, "is a time that is out of range");
    value =
        type == DATEOID ? DateADTGetDatum(static_cast<DateADT>(day)) : TimestampGetDatum(day * USECS_PER_DAY + of_day);
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

// A list that becomes an array: the elements in their order, and the length of each dimension.
struct List {
    Datum *values;
    bool *nulls;
    int count;
    int lengths[MAXDIM];
    int dimensions;
};

int count_of(std::string_view list)
{
    int count = 0;
    std::string_view item;
    for (json::Elements items(list); items.next(item);)
        ++count;
    return count;
}

// Measures the dimensions by the first element, the first element of that, and so on.
bool measure(std::string_view json, List &list, Refusal &refusal)
{
    std::int64_t total = 1;
    for (std::string_view first = json; json::kind_of(first) == json::Kind::Array; ++list.dimensions) {
        if (list.dimensions == MAXDIM)
            return refuse(refusal, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                          psprintf("is a list of more than %d dimensions", MAXDIM));
        int const length = count_of(first);
        list.lengths[list.dimensions] = length;
        total *= length;
        if (total > static_cast<std::int64_t>(MaxAllocSize / sizeof(Datum)))
            return refuse(refusal, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "is a list that is too long");
        json::Elements items(first);
        if (!items.next(first)) {
            if (list.dimensions != 0)
                return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is a list of empty lists");
            return true;
        }
    }
    list.count = static_cast<int>(total);
    return true;
}

bool read_dimension(std::string_view json, List &list, int dimension, Refusal &refusal)
{
    bool const is_last = dimension + 1 == list.dimensions;
    std::string_view item;
    for (json::Elements items(json); items.next(item);) {
        bool const is_list = json::kind_of(item) == json::Kind::Array;
        if (is_list == is_last || (is_list && count_of(item) != list.lengths[dimension + 1]))
            return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is a list of lists of different lengths");
        if (is_list) {
            if (!read_dimension(item, list, dimension + 1, refusal))
                return false;
            continue;
        }
        bool &is_null = list.nulls[list.count];
        is_null = json::kind_of(item) == json::Kind::Null;
        if (!is_null && !read_text(item, -1, list.values[list.count], refusal)) {
            refusal.reason = psprintf("has an element, number %d, that %s", list.count + 1, refusal.reason);
            return false;
        }
        ++list.count;
    }
    return true;
}

bool read_list(std::string_view json, Oid element, Datum &value, Refusal &refusal)
{
    if (json::kind_of(json) != json::Kind::Array)
        return refuse(refusal, ERRCODE_INVALID_TEXT_REPRESENTATION, "is not a list");
    List list{};
    if (!measure(json, list, refusal))
        return false;
    if (list.count == 0) {
        value = PointerGetDatum(construct_empty_array(element));
        return true;
    }
    list.values = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(list.count)));
    list.nulls = static_cast<bool *>(palloc(static_cast<Size>(list.count)));
    list.count = 0;
    if (!read_dimension(json, list, 0, refusal))
        return false;
    int lower_bounds[MAXDIM];
    std::fill_n(lower_bounds, MAXDIM, 1);
    value = PointerGetDatum(construct_md_array(list.values, list.nulls, list.dimensions, list.lengths, lower_bounds,
                                               element, -1, false, TYPALIGN_INT));
    return true;
}

bool read_jsonb(std::string_view json, Datum &value)
{
    value = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json.data(), json.size())));
    return true;
}

// Reads values of types that write_value() writes as text, with the type's own input function.
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
    // An array whose indexes do not begin with 1 comes as text, such as "[0:1]={a,b}".
    if ((element == TEXTOID || element == VARCHAROID) && json.substr(0, 2) != "\"[")
        return read_list(json, element, value, refusal);
    return read_other(json, field, value, refusal);
}

}  // namespace wc
