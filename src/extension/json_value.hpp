// A value of a column as JSON text, by the column's type.
#pragma once
#include "core/json/writer.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// A buffer for JSON text in the current memory context, with room for a varlena header in front.
json::Buffer make_buffer();

/// The buffer's bytes as a `json` or `text` datum, which is good until the buffer is written to again.
Datum finish_text(json::Buffer &buffer);

/// Writes a value that is not NULL.  Text, enums and uuids become strings; integers, booleans and jsonb
/// what they are; timestamps and dates what JavaScript makes of a Date (null for infinity); arrays of
/// text become arrays; of any other type the text form, as a string.
void write_value(json::Buffer &out, Datum value, Oid type);

/// Whether a jsonb value is JSON's null.
bool is_json_null(Datum jsonb);

/// jsonb without the spaces that its text form has; numbers keep their digits.
void write_jsonb(json::Buffer &out, Datum jsonb);

}  // namespace wc
