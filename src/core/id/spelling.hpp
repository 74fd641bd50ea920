// The spellings of one id that PostgreSQL reads: '007', '+7' and ' 7 ' are 7, and a uuid may be in upper case, in
// braces or without hyphens.  These functions read the same texts as uuid_in and int8in of PostgreSQL 14 and 15.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace wc::id {

using Uuid = std::array<unsigned char, 16>;

/// Returns false if the text is not a uuid.
bool parse_uuid(std::string_view text, Uuid &uuid) noexcept;

enum class Read : std::uint8_t { Done, OutOfRange, Malformed };

/// Reads a decimal number.  OutOfRange: the text is a number, but it does not fit 64 bits.
Read parse_integer(std::string_view text, std::int64_t &number) noexcept;

}  // namespace wc::id
