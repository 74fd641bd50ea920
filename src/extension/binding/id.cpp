#include "extension/binding/id.hpp"

#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace wc {
namespace {

bool is_text(Oid type) { return type == TEXTOID || type == VARCHAROID || type == BPCHAROID; }
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

// Reads text as a value of a column that holds uuids or numbers.
id::Read read_spelling(Datum text, Oid type, Datum &converted)
{
    std::string_view const spelled = student_id_text(text, TEXTOID);
    if (type == UUIDOID) {
        id::Uuid read;
        if (!id::parse_uuid(spelled, read))
            return id::Read::Malformed;
        auto *const uuid = static_cast<pg_uuid_t *>(palloc(sizeof(pg_uuid_t)));
        memcpy(uuid->data, read.data(), read.size());
        converted = UUIDPGetDatum(uuid);
        return id::Read::Done;
    }
    std::int64_t number = 0;
    id::Read const read = pg::read_int8(spelled, number);
    if (read != id::Read::Done)
        return read;
    return narrow(number, type, converted) ? id::Read::Done : id::Read::OutOfRange;
}

// The error does not show the given text, which may name a child.
[[noreturn]] void report_no_id(const char *what, Oid type)
{
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("%s are identified by %s, and the given text is none",
                                                                  what, type == UUIDOID ? "uuids" : "numbers")));
    pg_unreachable();
}

// Returns an id of char(n) as its text: blanks at its end mean nothing.
Datum without_padding(Datum value)
{
    std::string_view const id = student_id_text(value, BPCHAROID);
    return PointerGetDatum(cstring_to_text_with_len(id.data(), static_cast<int>(id.size())));
}

bool convert(Datum value, Oid type, const BoundColumn &column, const char *what, Datum &converted,
             bool is_lenient = false)
{
    if (column.type == BPCHAROID && is_text(type)) {
        converted = without_padding(value);
        return true;
    }
    if (type == column.type || (is_text(type) && is_text(column.type))) {
        converted = value;
        return true;
    }
    if (type == INT8OID && is_integer(column.type))
        return narrow(DatumGetInt64(value), column.type, converted);
    if (is_text(type) && (is_integer(column.type) || column.type == UUIDOID)) {
        id::Read const read = read_spelling(value, column.type, converted);
        if (read == id::Read::Malformed && !is_lenient)
            report_no_id(what, column.type);
        return read == id::Read::Done;
    }
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

ArrayType *id_array_argument(FunctionCallInfo fcinfo, int number)
{
    Oid const type = get_fn_expr_argtype(fcinfo->flinfo, number);
    // C code may call a function without saying so, and text must not be read as an array.
    if (!OidIsValid(type))
        ereport(ERROR,
                (errcode(ERRCODE_INDETERMINATE_DATATYPE), errmsg("the caller does not say of which type the ids are")));
    if (type != TEXTOID)
        return PG_GETARG_ARRAYTYPE_P(number);
    ArrayType *array = nullptr;
    char *const spelled = text_to_cstring(PG_GETARG_TEXT_PP(number));
    translated([&] { array = DatumGetArrayTypeP(parse(spelled, TEXTARRAYOID)); },
               [](const ErrorData &error) {
                   if (error.sqlerrcode == ERRCODE_INVALID_TEXT_REPRESENTATION)
                       ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                                       errmsg("the given text is no array of ids"),
                                       errhint("An array looks like {a,b} or {\"a, b\",c}.")));
               });
    return array;
}

bool convert_student_id(Datum value, Oid type, const BoundColumn &column, Datum &converted)
{
    return convert(value, type, column, "students", converted);
}

bool student_argument(FunctionCallInfo fcinfo, Datum &converted)
{
    return convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                              bound_table(Entity::Students).columns[student::Id], converted);
}

bool convert_id(Datum value, Oid type, const BoundColumn &column, Datum &converted)
{
    return convert(value, type, column, "rows", converted);
}

bool convert_cached_id(Datum value, Oid type, const BoundColumn &column, Datum &converted)
{
    return convert(value, type, column, "students", converted, true);
}

std::string_view student_id_text(Datum value, Oid type)
{
    if (type == BPCHAROID) {
        std::string_view const padded = text_view(value);
        int const length = bpchartruelen(const_cast<char *>(padded.data()), static_cast<int>(padded.size()));
        return padded.substr(0, static_cast<std::size_t>(length));
    }
    if (is_text(type))
        return text_view(value);
    return print(value, type);
}

}  // namespace wc
