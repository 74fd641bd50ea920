// A value of a column as a field of CSV.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Writes text as a field.  With `harmless`, text that a spreadsheet would run as a formula gets an apostrophe in
/// front.
void write_csv_text(json::Buffer &out, std::string_view text, bool harmless);

/// Writes a value: text as it is, times like the JSON of an export but without the quotes, JSON and lists of text as
/// JSON.  `harmless` is that of write_csv_text(), and leaves numbers as they are.
///
/// REQUIRES: the value is not NULL.
void write_csv_value(json::Buffer &out, Datum value, Oid type, bool harmless);

}  // namespace wc
