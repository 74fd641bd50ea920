// Reads JSON text piece by piece, and allocates nothing: a value is a view of its part of the text.
//
// The text must be valid JSON, which PostgreSQL's type `json` guarantees.  Other text gives wrong pieces or none, but
// these functions never read beyond its end.  They do not recurse, so nesting may have any depth.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::json {

enum class Kind : std::uint8_t { Object, Array, String, Number, True, False, Null, None };

/// Returns the kind of a value, by its first character.  REQUIRES: `value` has no white space around it.
Kind kind_of(std::string_view value) noexcept;

/// Returns `text` without the white space around it.
std::string_view trimmed(std::string_view text) noexcept;

/// Returns how deeply arrays and objects are nested in `text`, which may be any text: 1 for `{}`, 0 without any of
/// them.
std::size_t depth_of(std::string_view text) noexcept;

/// Iterates over the elements of an array.
class Elements {
public:
    explicit Elements(std::string_view array) noexcept;
    bool next(std::string_view &value) noexcept;

private:
    std::string_view rest_;
};

/// Iterates over the members of an object, in the order of the text.  A name may come twice.
class Members {
public:
    explicit Members(std::string_view object) noexcept;
    /// Returns false at the end.  `name` is a JSON string, with its quotes and escapes.
    bool next(std::string_view &name, std::string_view &value) noexcept;

private:
    std::string_view rest_;
};

enum class Unescaped : std::uint8_t { Done, Nul, LoneSurrogate, Malformed };

/// Writes a character to `to`, which has room for 32 bytes, and returns the end of what it wrote.
using Encode = char *(*)(char32_t character, char *to);
char *encode_utf8(char32_t character, char *to) noexcept;

/// Appends the content of a string, which is given with its quotes.  `encode` encodes characters that are written as
/// \uXXXX. Returns Nul if the string contains \u0000, which a text of PostgreSQL cannot contain.
Unescaped read_string(std::string_view string, Buffer &out, Encode encode = encode_utf8);

}  // namespace wc::json
