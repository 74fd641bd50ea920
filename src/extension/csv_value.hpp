// A value of a column as a field of CSV.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// Writes a value that is not NULL: text as it is, times as in JSON without the quotes, JSON and lists of text as
/// JSON.  `harmless`: text that a spreadsheet would run gets an apostrophe in front.
void write_csv_value(json::Buffer &out, Datum value, Oid type, bool harmless);

}  // namespace wc
