#include "extension/csv_value.hpp"

#include "core/csv/writer.hpp"
#include "extension/json_value.hpp"

namespace wc {
namespace {

std::string_view plain_text(Datum value, Oid type)
{
    if (type == TEXTOID || type == VARCHAROID) {
        auto const *const text = PG_DETOAST_DATUM_PACKED(value);
        return {VARDATA_ANY(text), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(text))};
    }
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
}

bool is_json(Oid type)
{
    Oid const element = get_element_type(type);
    return type == JSONBOID || element == TEXTOID || element == VARCHAROID;
}

}  // namespace

void write_csv_value(json::Buffer &out, Datum value, Oid type, bool harmless)
{
    switch (type) {
        case BOOLOID:
        case INT2OID:
        case INT4OID:
        case INT8OID: write_value(out, value, type); return;
        case TIMESTAMPOID:
        case TIMESTAMPTZOID:
        case DATEOID: {
            json::Buffer time = make_buffer();
            time.truncate(0);
            write_value(time, value, type);
            // Infinity is null, and that nothing between two commas.
            if (time.view().front() == '"')
                out.append(time.view().substr(1, time.size() - 2));
            return;
        }
        default: break;
    }
    if (is_json(type)) {
        json::Buffer text = make_buffer();
        text.truncate(0);
        write_value(text, value, type);
        csv::write_field(out, text.view());
    } else if (harmless) {
        csv::write_harmless_field(out, plain_text(value, type));
    } else {
        csv::write_field(out, plain_text(value, type));
    }
}

}  // namespace wc
