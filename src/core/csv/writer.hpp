// Writes CSV by RFC 4180: fields separated by commas, in quotes where necessary.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::csv {

/// Writes a field.  It is in quotes if it has a comma, a quote or a line break, begins or ends with a space, or is
/// empty. Nothing between two commas means NULL, as in PostgreSQL's COPY.  `text` may be in any encoding in which bytes
/// below 0x80 are ASCII.
void write_field(json::Buffer &out, std::string_view text);

/// Returns whether a spreadsheet could take the text, which is UTF-8, for a formula.  This is so if it begins, after
/// any ASCII spaces, with one of = + - @ or its full-width form; or with a control character or another blank, because
/// programs drop these and may then see a formula in this field or its neighbour.
bool looks_like_formula(std::string_view text);

/// Writes a field with an apostrophe in front, so that a spreadsheet does not run it as a formula.
void write_after_apostrophe(json::Buffer &out, std::string_view text);

}  // namespace wc::csv
