#include "extension/value/csv_value.hpp"

#include "core/csv/writer.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_value.hpp"
#include "extension/value/text_form.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace wc {
namespace {

std::string_view plain_text(Datum value, Oid type)
{
    if (type == TEXTOID || type == VARCHAROID)
        return text_view(value);
    return output_text(value, type);
}

bool is_json(Oid type)
{
    Oid const element = get_element_type(type);
    return type == JSONBOID || element == TEXTOID || element == VARCHAROID;
}

bool is_number(Oid type) { return type == NUMERICOID || type == FLOAT4OID || type == FLOAT8OID; }

// Returns the beginning of a text in UTF-8, as much of it as looks_like_formula() reads.
std::string_view beginning(std::string_view text)
{
    constexpr int kCharacters = 64;
    if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
        return text;
    std::size_t const spaces = text.find_first_not_of(' ');
    if (spaces != std::string_view::npos)
        text.remove_prefix(spaces);
    int const length = pg_mbcharcliplen(text.data(), static_cast<int>(text.size()), kCharacters);
    return pg_server_to_any(pnstrdup(text.data(), static_cast<Size>(length)), length, PG_UTF8);
}

}  // namespace

void write_csv_text(json::Buffer &out, std::string_view text, bool harmless)
{
    if (harmless && csv::looks_like_formula(beginning(text)))
        csv::write_after_apostrophe(out, text);
    else
        csv::write_field(out, text);
}

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
            write_value(time, value, type, Detail::Kept);
            write_csv_text(out, time.view().substr(1, time.size() - 2), harmless);
            return;
        }
        default: break;
    }
    if (is_json(type)) {
        json::Buffer text = make_buffer();
        text.truncate(0);
        write_value(text, value, type, Detail::Kept);
        csv::write_field(out, text.view());
    } else {
        write_csv_text(out, plain_text(value, type), harmless && !is_number(type));
    }
}

}  // namespace wc
