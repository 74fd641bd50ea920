// Writes JSON text, value by value.  The caller writes the punctuation between values, as part of constant text such as
// `,"date":`.  This is faster than a writer that keeps track of nesting.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::json {

/// Writes a JSON string with its quotes.  `text` has the encoding of the whole document, which may be any encoding in
/// which bytes below 0x80 are ASCII.  Escapes control characters, quotes and backslashes (RFC 8259).
void write_string(Buffer &out, std::string_view text);

/// Writes decimal digits, without separators.
void write_integer(Buffer &out, std::int64_t value);

/// Writes the shortest digits that read back as the same double.  REQUIRES: `value` is finite.
void write_double(Buffer &out, double value);

inline void write_boolean(Buffer &out, bool value)
{
    out.append(value ? std::string_view{"true"} : std::string_view{"false"});
}

inline void write_null(Buffer &out) { out.append(std::string_view{"null"}); }

/// Writes a time as JavaScript's JSON.stringify writes a Date: "2025-10-10T09:30:00.000Z" in quotes, in UTC.
/// `microseconds` count from 2000-01-01T00:00:00Z, PostgreSQL's epoch, and are cut to milliseconds.  Years outside
/// 0..9999 have a sign and at least six digits.  Any value is in range.
void write_timestamp(Buffer &out, std::int64_t microseconds);

/// Like write_timestamp(), but writes six digits of the second if three are not exact.
void write_exact_timestamp(Buffer &out, std::int64_t microseconds);

/// Writes the midnight of a day as write_timestamp() does.  `days` count from 2000-01-01, and any number is in range;
/// the microseconds of some PostgreSQL dates do not fit 64 bits.
void write_day(Buffer &out, std::int32_t days);

}  // namespace wc::json
