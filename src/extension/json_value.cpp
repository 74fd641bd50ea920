#include "extension/json_value.hpp"

#include "extension/numeric_text.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "utils/date.h"
#include "utils/uuid.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<json::Buffer>);

namespace {

// Most summaries fit, and the chunk is the largest that a memory context hands out from a block.
constexpr Size kFirstCapacity = 8000;

char *grow(char *data, std::size_t used, std::size_t capacity)
{
    auto *const larger =
        static_cast<char *>(MemoryContextAllocHuge(GetMemoryChunkContext(data), static_cast<Size>(capacity)));
    memcpy(larger, data, used);
    pfree(data);
    return larger;
}

void write_text(json::Buffer &out, Datum value)
{
    auto *const text = reinterpret_cast<struct varlena *>(DatumGetPointer(value));
    auto *const plain = reinterpret_cast<struct varlena *>(pg_detoast_datum_packed(text));
    json::write_string(out, {VARDATA_ANY(plain), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(plain))});
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

void write_time(json::Buffer &out, Timestamp value)
{
    if (TIMESTAMP_NOT_FINITE(value))
        json::write_null(out);
    else
        json::write_timestamp(out, value);
}

void write_day(json::Buffer &out, DateADT value)
{
    if (DATE_NOT_FINITE(value))
        json::write_null(out);
    else
        json::write_timestamp(out, static_cast<std::int64_t>(value) * USECS_PER_DAY);
}

void write_text_array(json::Buffer &out, Datum value, Oid element)
{
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(value), element, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
    out.append('[');
    for (int i = 0; i < count; ++i) {
        if (i != 0)
            out.append(',');
        if (nulls[i])
            json::write_null(out);
        else
            write_text(out, elements[i]);
    }
    out.append(']');
}

void write_other(json::Buffer &out, Datum value, Oid type)
{
    if (type_is_enum(type)) {
        write_enum(out, value);
        return;
    }
    Oid const element = get_element_type(type);
    if (element == TEXTOID || element == VARCHAROID) {
        write_text_array(out, value, element);
        return;
    }
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    char *const text = OidOutputFunctionCall(output, value);
    json::write_string(out, text);
    pfree(text);
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

json::Buffer make_buffer()
{
    json::Buffer buffer(static_cast<char *>(palloc(kFirstCapacity)), kFirstCapacity, grow);
    buffer.advance(buffer.data() + VARHDRSZ);
    return buffer;
}

Datum finish_text(json::Buffer &buffer)
{
    if (buffer.size() > MaxAllocSize)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("JSON text is larger than 1 GB")));
    SET_VARSIZE(buffer.data(), buffer.size());
    return PointerGetDatum(buffer.data());
}

void write_value(json::Buffer &out, Datum value, Oid type)
{
    switch (type) {
        case TEXTOID:
        case VARCHAROID: write_text(out, value); break;
        case BOOLOID: json::write_boolean(out, DatumGetBool(value)); break;
        case INT2OID: json::write_integer(out, DatumGetInt16(value)); break;
        case INT4OID: json::write_integer(out, DatumGetInt32(value)); break;
        case INT8OID: json::write_integer(out, DatumGetInt64(value)); break;
        case TIMESTAMPOID:
        case TIMESTAMPTZOID: write_time(out, DatumGetTimestamp(value)); break;
        case DATEOID: write_day(out, DatumGetDateADT(value)); break;
        case JSONBOID: write_jsonb(out, value); break;
        default: write_other(out, value, type); break;
    }
}

bool is_json_null(Datum value)
{
    auto *const packed = reinterpret_cast<struct varlena *>(DatumGetPointer(value));
    // A scalar is an array of one with a mark: two words.  What is longer needs no look inside.
    constexpr Size kScalarNull = sizeof(uint32) + sizeof(JEntry);
    if (!VARATT_IS_EXTENDED(packed) || VARATT_IS_SHORT(packed)) {
        if (VARSIZE_ANY_EXHDR(packed) != kScalarNull)
            return false;
    }
    Jsonb *const jsonb = DatumGetJsonbP(value);
    JsonbValue scalar;
    return JB_ROOT_IS_SCALAR(jsonb) && JsonbExtractScalar(&jsonb->root, &scalar) && scalar.type == jbvNull;
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
