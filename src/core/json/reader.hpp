// JSON text, looked at piece by piece without building anything: a value is the part of the text that it is.
//
// Made for text that is JSON already, as PostgreSQL's type `json` guarantees.  Other text gives wrong pieces or
// none, but nothing is ever read beyond its end.  No recursion: any depth of nesting is passed over.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::json {

enum class Kind : std::uint8_t { Object, Array, String, Number, True, False, Null, None };

/// What a value is, by its first character.  `value` has no space around it.
Kind kind_of(std::string_view value) noexcept;

/// `text` without the white space around it.
std::string_view trimmed(std::string_view text) noexcept;

/// The elements of an array.
class Elements {
public:
    explicit Elements(std::string_view array) noexcept;
    bool next(std::string_view &value) noexcept;

private:
    std::string_view rest_;
};

/// The members of an object, in the order of the text; a name may come twice.
class Members {
public:
    explicit Members(std::string_view object) noexcept;
    /// `name` is a string, with its quotes and escapes.
    bool next(std::string_view &name, std::string_view &value) noexcept;

private:
    std::string_view rest_;
};

enum class Unescaped : std::uint8_t { Done, Nul, LoneSurrogate, Malformed };

/// Writes a character; returns where it ends.  There is room for 32 bytes.
using Encode = char *(*)(char32_t character, char *to);
char *encode_utf8(char32_t character, char *to) noexcept;

/// Appends what a string, given with its quotes, says.  `encode` is for characters written as \uXXXX.
/// Nul: it contains \u0000, which no text of PostgreSQL can.
Unescaped read_string(std::string_view string, Buffer &out, Encode encode = encode_utf8);

}  // namespace wc::json
