// A value of a column as JSON text, by the column's type.
#pragma once
#include "core/json/writer.hpp"
#include "extension/server/text_buffer.hpp"

namespace wc {

enum class Detail {
    Shown,  // as an application shows the value
    Kept    // as an import takes the value back without loss
};

/// Writes a value.  Text, enums and uuids become strings; integers, booleans and jsonb stay what they are; timestamps
/// and dates become what JavaScript makes of a Date; arrays of text become arrays, those of more dimensions arrays of
/// arrays.  A value of any other type becomes its text form, as a string.
/// Shown: json is written like jsonb, and char without its padding; infinity becomes null, as in JavaScript, and the
/// part below a millisecond is cut off.
/// Kept: json and char are written as their text form; infinity becomes "infinity" or "-infinity", a time with a part
/// below a millisecond has six digits of the second, and an array whose indexes do not begin with 1 becomes its text
/// form.
///
/// REQUIRES: the value is not NULL.  For Kept, the settings are pinned (pin_settings of text_form.hpp).
void write_value(json::Buffer &out, Datum value, Oid type, Detail detail = Detail::Shown);

/// Returns whether a value of type jsonb or json is JSON's null.
bool is_json_null(Datum value, Oid type);

/// Returns a value of type jsonb or json as jsonb: of members with one name the last one stays.
///
/// REQUIRES: the value is of the attribute vital, which errors name.
///
/// Errors: 22P05 or 22003 a character or a number that only json can hold; the error does not show the value.
Jsonb *as_jsonb(Datum value, Oid type);

/// Writes jsonb without the spaces that its text form has.  Numbers keep their digits.
void write_jsonb(json::Buffer &out, Datum jsonb);

}  // namespace wc
