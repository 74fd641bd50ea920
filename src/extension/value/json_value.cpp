#include "extension/value/json_value.hpp"

#include "core/json/reader.hpp"
#include "extension/binding/id.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_argument.hpp"
#include "extension/value/numeric_text.hpp"
#include "extension/value/text_form.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "utils/date.h"
#include "utils/uuid.h"
}

namespace wc {

namespace {

void write_text(json::Buffer &out, Datum value)
{
    auto *const text = reinterpret_cast<struct varlena *>(DatumGetPointer(value));
    auto *const plain = reinterpret_cast<struct varlena *>(pg_detoast_datum_packed(text));
    json::write_string(out, text_view(plain));
    if (plain != text)
        pfree(plain);
}

void write_enum(json::Buffer &out, Datum value)
{
    HeapTuple const tuple = SearchSysCache1(ENUMOID, value);
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("invalid internal value for enum: %u", DatumGetObjectId(value))));
    auto const *const label = reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple));
    json::write_string(out, NameStr(label->enumlabel));
    ReleaseSysCache(tuple);
}

void write_infinity(json::Buffer &out, bool is_negative, Detail detail)
{
    if (detail == Detail::Shown)
        json::write_null(out);
    else
        json::write_string(out, is_negative ? "-infinity" : "infinity");
}

void write_time(json::Buffer &out, Timestamp value, Detail detail)
{
    if (TIMESTAMP_NOT_FINITE(value))
        write_infinity(out, TIMESTAMP_IS_NOBEGIN(value), detail);
    else if (detail == Detail::Shown)
        json::write_timestamp(out, value);
    else
        json::write_exact_timestamp(out, value);
}

void write_day(json::Buffer &out, DateADT value, Detail detail)
{
    if (DATE_NOT_FINITE(value))
        write_infinity(out, DATE_IS_NOBEGIN(value), detail);
    else
        json::write_day(out, value);
}

// The elements of an array that are not yet written.
struct Elements {
    const Datum *values;
    const bool *nulls;
};

void write_dimension(json::Buffer &out, Elements &rest, const int *lengths, int dimensions)
{
    out.append('[');
    for (int i = 0; i < lengths[0]; ++i) {
        if (i != 0)
            out.append(',');
        if (dimensions > 1) {
            write_dimension(out, rest, lengths + 1, dimensions - 1);
            continue;
        }
        if (*rest.nulls)
            json::write_null(out);
        else
            write_text(out, *rest.values);
        ++rest.values;
        ++rest.nulls;
    }
    out.append(']');
}

bool begins_with_one(const ArrayType *array)
{
    for (int i = 0; i < ARR_NDIM(array); ++i) {
        if (ARR_LBOUND(array)[i] != 1)
            return false;
    }
    return true;
}

void write_text_form(json::Buffer &out, Datum value, Oid type)
{
    char *const text = output_text(value, type);
    json::write_string(out, text);
    pfree(text);
}

void write_text_array(json::Buffer &out, Datum value, Oid type, Oid element, Detail detail)
{
    ArrayType *const array = DatumGetArrayTypeP(value);
    if (detail == Detail::Kept && !begins_with_one(array)) {
        write_text_form(out, value, type);
        return;
    }
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(array, element, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
    if (count == 0) {
        out.append(std::string_view{"[]"});
        return;
    }
    Elements rest{elements, nulls};
    write_dimension(out, rest, ARR_DIMS(array), ARR_NDIM(array));
}

void write_other(json::Buffer &out, Datum value, Oid type, Detail detail)
{
    if (type == JSONOID && detail == Detail::Shown) {
        write_jsonb(out, JsonbPGetDatum(as_jsonb(value, type)));
        return;
    }
    if (type == BPCHAROID && detail == Detail::Shown) {
        json::write_string(out, student_id_text(value, type));
        return;
    }
    if (type_is_enum(type)) {
        write_enum(out, value);
        return;
    }
    Oid const element = get_element_type(type);
    if (element == TEXTOID || element == VARCHAROID)
        write_text_array(out, value, type, element, detail);
    else
        write_text_form(out, value, type);
}

void write_scalar(json::Buffer &out, const JsonbValue &value)
{
    switch (value.type) {
        case jbvNull: json::write_null(out); break;
        case jbvBool: json::write_boolean(out, value.val.boolean); break;
        case jbvNumeric: write_numeric(out, value.val.numeric); break;
        case jbvString:
            json::write_string(out, {value.val.string.val, static_cast<std::size_t>(value.val.string.len)});
            break;
        default: elog(ERROR, "unexpected jsonb scalar type: %d", static_cast<int>(value.type));
    }
}

}  // namespace

void write_value(json::Buffer &out, Datum value, Oid type, Detail detail)
{
    switch (type) {
        case TEXTOID:
        case VARCHAROID: write_text(out, value); break;
        case BOOLOID: json::write_boolean(out, DatumGetBool(value)); break;
        case INT2OID: json::write_integer(out, DatumGetInt16(value)); break;
        case INT4OID: json::write_integer(out, DatumGetInt32(value)); break;
        case INT8OID: json::write_integer(out, DatumGetInt64(value)); break;
        case TIMESTAMPOID:
        case TIMESTAMPTZOID: write_time(out, DatumGetTimestamp(value), detail); break;
        case DATEOID: write_day(out, DatumGetDateADT(value), detail); break;
        case JSONBOID: write_jsonb(out, value); break;
        default: write_other(out, value, type, detail); break;
    }
}

bool is_json_null(Datum value, Oid type)
{
    if (type == JSONOID)
        return json::kind_of(json::trimmed(text_view(value))) == json::Kind::Null;
    auto *const packed = reinterpret_cast<struct varlena *>(DatumGetPointer(value));
    // jsonb keeps a scalar as an array of one element with a mark, and null takes two words.  A longer value is not
    // null.
    constexpr Size kScalarNull = sizeof(uint32) + sizeof(JEntry);
    if (!VARATT_IS_EXTENDED(packed) || VARATT_IS_SHORT(packed)) {
        if (VARSIZE_ANY_EXHDR(packed) != kScalarNull)
            return false;
    }
    Jsonb *const jsonb = DatumGetJsonbP(value);
    JsonbValue scalar;
    return JB_ROOT_IS_SCALAR(jsonb) && JsonbExtractScalar(&jsonb->root, &scalar) && scalar.type == jbvNull;
}

Jsonb *as_jsonb(Datum value, Oid type)
{
    return type == JSONOID ? parse_jsonb(DatumGetTextPP(value), "vital") : DatumGetJsonbP(value);
}

void write_jsonb(json::Buffer &out, Datum value)
{
    Jsonb *const jsonb = DatumGetJsonbP(value);
    bool const is_scalar = JB_ROOT_IS_SCALAR(jsonb);
    JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
    JsonbValue part;
    bool first = true;
    for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &part, false); token != WJB_DONE;
         token = JsonbIteratorNext(&iterator, &part, false)) {
        switch (token) {
            case WJB_BEGIN_ARRAY:
            case WJB_BEGIN_OBJECT:
                if (!first)
                    out.append(',');
                if (!is_scalar)
                    out.append(token == WJB_BEGIN_ARRAY ? '[' : '{');
                first = true;
                break;
            case WJB_END_ARRAY:
            case WJB_END_OBJECT:
                if (!is_scalar)
                    out.append(token == WJB_END_ARRAY ? ']' : '}');
                first = false;
                break;
            case WJB_KEY:
                if (!first)
                    out.append(',');
                write_scalar(out, part);
                out.append(':');
                first = true;  // no comma before the key's value
                break;
            case WJB_VALUE:
            case WJB_ELEM:
                if (!first)
                    out.append(',');
                write_scalar(out, part);
                first = false;
                break;
            default: elog(ERROR, "unexpected jsonb token: %d", static_cast<int>(token));
        }
    }
    if (PointerGetDatum(jsonb) != value)
        pfree(jsonb);
}

}  // namespace wc
