// CSV as RFC 4180 has it: fields separated by commas, quoted where they must be.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::csv {

/// A field.  Quoted when it holds a comma, a quote or a line break, begins or ends with a space, or is empty:
/// what stands between two commas without quotes is NULL, to which PostgreSQL's COPY agrees.  `text` is in any
/// encoding in which bytes below 0x80 are ASCII.
void write_field(json::Buffer &out, std::string_view text);

/// Whether a spreadsheet would take the text for a formula, or for what makes one of its neighbour: it begins with one
/// of = + - @, a tab or a carriage return.
bool looks_like_formula(std::string_view text);

/// A field that no spreadsheet runs: where it looks like a formula, an apostrophe is put in front.
void write_harmless_field(json::Buffer &out, std::string_view text);

}  // namespace wc::csv
