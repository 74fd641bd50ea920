#include "extension/student_id.hpp"

#include <charconv>

namespace wc {
namespace {

bool is_text(Oid type) { return type == TEXTOID || type == VARCHAROID; }
bool is_integer(Oid type) { return type == INT8OID || type == INT4OID || type == INT2OID; }

Datum parse(const char *text, Oid type)
{
    Oid input = InvalidOid;
    Oid parameter = InvalidOid;
    getTypeInputInfo(type, &input, &parameter);
    return OidInputFunctionCall(input, const_cast<char *>(text), parameter, -1);
}

const char *print(Datum value, Oid type)
{
    if (is_text(type))
        return TextDatumGetCString(value);
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
}

bool narrow(std::int64_t number, Oid type, Datum &converted)
{
    switch (type) {
        case INT8OID: converted = Int64GetDatum(number); return true;
        case INT4OID:
            converted = Int32GetDatum(static_cast<int32>(number));
            return number >= PG_INT32_MIN && number <= PG_INT32_MAX;
        default:
            converted = Int16GetDatum(static_cast<int16>(number));
            return number >= PG_INT16_MIN && number <= PG_INT16_MAX;
    }
}

bool is_uuid(std::string_view text)
{
    constexpr std::string_view kForm = "00000000-0000-0000-0000-000000000000";
    if (text.size() != kForm.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const is_digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (kForm[i] == '-' ? text[i] != '-' : !is_digit)
            return false;
    }
    return true;
}

bool is_number(std::string_view text)
{
    std::int64_t number = 0;
    const char *const end = text.data() + text.size();
    auto const read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end)
        return false;
    char spelled[24];
    auto const written = std::to_chars(spelled, spelled + sizeof spelled, number);
    return std::string_view(spelled, static_cast<std::size_t>(written.ptr - spelled)) == text;
}

bool convert(Datum value, Oid type, const BoundColumn &column, const char *what, Datum &converted)
{
    if (type == column.type || (is_text(type) && is_text(column.type))) {
        converted = value;
        return true;
    }
    if (type == INT8OID && is_integer(column.type))
        return narrow(DatumGetInt64(value), column.type, converted);
    if (is_text(type)) {
        converted = parse(TextDatumGetCString(value), column.type);
        return true;
    }
    if (is_text(column.type)) {
        converted = PointerGetDatum(cstring_to_text(print(value, type)));
        return true;
    }
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("%s are identified by %s, not by %s", what,
                                                               format_type_be(column.type), format_type_be(type))));
    pg_unreachable();
}

}  // namespace

IdArray read_ids(ArrayType *array)
{
    IdArray ids{nullptr, nullptr, 0, ARR_ELEMTYPE(array)};
    int16 length = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(ids.type, &length, &by_value, &alignment);
    deconstruct_array(array, ids.type, length, by_value, alignment, &ids.values, &ids.nulls, &ids.count);
    return ids;
}

bool convert_student_id(Datum value, Oid type, const BoundColumn &column, Datum &converted)
{
    return convert(value, type, column, "students", converted);
}

bool convert_id(Datum value, Oid type, const BoundColumn &column, Datum &converted)
{
    return convert(value, type, column, "rows", converted);
}

bool convert_cached_id(Datum value, Oid type, const BoundColumn &column, Datum &converted)
{
    if (!is_text(type) || is_text(column.type))
        return convert_student_id(value, type, column, converted);
    std::string_view const spelled = student_id_text(value, type);
    if (column.type == UUIDOID)
        return is_uuid(spelled) && convert_student_id(value, type, column, converted);
    // Through int8: a number beyond the range of the column is nobody's id either.
    return is_number(spelled) &&
           convert_student_id(parse(TextDatumGetCString(value), INT8OID), INT8OID, column, converted);
}

std::string_view student_id_text(Datum value, Oid type)
{
    if (is_text(type)) {
        auto const *const text = PG_DETOAST_DATUM_PACKED(value);
        return {VARDATA_ANY(text), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(text))};
    }
    return print(value, type);
}

}  // namespace wc
