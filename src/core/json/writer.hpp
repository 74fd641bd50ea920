// JSON text, value by value.  The caller writes the punctuation between values (as part of constant
// text such as `,"date":`), which is what makes this faster than a writer that keeps track of nesting.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::json {

/// A JSON string with its quotes.  `text` is in the encoding of the whole document, any encoding in
/// which bytes below 0x80 are ASCII; control characters, quote and backslash are escaped (RFC 8259).
void write_string(Buffer &out, std::string_view text);

/// Decimal digits, no separators.
void write_integer(Buffer &out, std::int64_t value);

/// The shortest digits that read back as the same double.  Finite values only.
void write_double(Buffer &out, double value);

inline void write_boolean(Buffer &out, bool value)
{
    out.append(value ? std::string_view{"true"} : std::string_view{"false"});
}

inline void write_null(Buffer &out) { out.append(std::string_view{"null"}); }

/// What JavaScript's JSON.stringify makes of a Date: "2025-10-10T09:30:00.000Z" in quotes, in UTC.
/// `microseconds` count from 2000-01-01T00:00:00Z (PostgreSQL's epoch); what is below a millisecond is
/// cut off.  Years outside 0..9999 print as ±YYYYYY.  Range: every finite PostgreSQL timestamp.
void write_timestamp(Buffer &out, std::int64_t microseconds);

}  // namespace wc::json
