#include "core/json/reader.hpp"

#include <algorithm>

namespace wc::json {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSpace = " \t\r\n"sv;

void skip_space(std::string_view &rest) noexcept
{
    std::size_t const at = rest.find_first_not_of(kSpace);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at);
}

// The length of the string that `text` begins with; all of it where the string has no end.
std::size_t length_of_string(std::string_view text) noexcept
{
    for (std::size_t at = 1;;) {
        at = text.find_first_of("\"\\"sv, at);
        if (at >= text.size())
            return text.size();
        if (text[at] == '"')
            return at + 1;
        at += 2;
    }
}

std::size_t length_of_container(std::string_view text) noexcept
{
    std::size_t depth = 0;
    for (std::size_t at = 0;;) {
        at = text.find_first_of("\"[]{}"sv, at);
        if (at >= text.size())
            return text.size();
        if (text[at] == '"') {
            at += length_of_string(text.substr(at));
            continue;
        }
        depth += text[at] == '[' || text[at] == '{' ? 1 : static_cast<std::size_t>(-1);
        ++at;
        if (depth == 0)
            return at;
    }
}

// Takes the value that `rest` begins with.  Returns an empty text if there is none.
std::string_view take_value(std::string_view &rest) noexcept
{
    skip_space(rest);
    std::size_t length = 0;
    switch (kind_of(rest)) {
        case Kind::Object:
        case Kind::Array: length = length_of_container(rest); break;
        case Kind::String: length = length_of_string(rest); break;
        case Kind::None: break;
        default:
            length = rest.find_first_of(",]} \t\r\n"sv);
            if (length == std::string_view::npos)
                length = rest.size();
    }
    std::string_view const value = rest.substr(0, length);
    rest.remove_prefix(value.size());
    return value;
}

bool take(std::string_view &rest, char c) noexcept
{
    skip_space(rest);
    if (rest.empty() || rest.front() != c)
        return false;
    rest.remove_prefix(1);
    return true;
}

std::string_view inside(std::string_view container, char begin, char end) noexcept
{
    if (container.size() < 2 || container.front() != begin || container.back() != end)
        return {};
    return container.substr(1, container.size() - 2);
}

// Four digits; -1 where they are not.
std::int32_t hexadecimal(std::string_view digits) noexcept
{
    if (digits.size() < 4)
        return -1;
    std::int32_t value = 0;
    for (char const c : digits.substr(0, 4)) {
        int const digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

// Takes the digits behind \u, and where they are one half of a character, the other half too.
Unescaped take_character(std::string_view &rest, char32_t &character) noexcept
{
    std::int32_t const first = hexadecimal(rest);
    if (first < 0)
        return Unescaped::Malformed;
    rest.remove_prefix(4);
    if (first == 0)
        return Unescaped::Nul;
    character = static_cast<char32_t>(first);
    if (first < 0xD800 || first > 0xDFFF)
        return Unescaped::Done;
    if (first > 0xDBFF || rest.substr(0, 2) != "\\u"sv)
        return Unescaped::LoneSurrogate;
    std::int32_t const second = hexadecimal(rest.substr(2));
    if (second < 0xDC00 || second > 0xDFFF)
        return Unescaped::LoneSurrogate;
    rest.remove_prefix(6);
    character = static_cast<char32_t>(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
    return Unescaped::Done;
}

}  // namespace

Kind kind_of(std::string_view value) noexcept
{
    if (value.empty())
        return Kind::None;
    switch (value.front()) {
        case '{': return Kind::Object;
        case '[': return Kind::Array;
        case '"': return Kind::String;
        case 't': return Kind::True;
        case 'f': return Kind::False;
        case 'n': return Kind::Null;
        default: break;
    }
    return "-0123456789"sv.find(value.front()) != std::string_view::npos ? Kind::Number : Kind::None;
}

std::string_view trimmed(std::string_view text) noexcept
{
    skip_space(text);
    text.remove_suffix(text.size() - (text.find_last_not_of(kSpace) + 1));
    return text;
}

std::size_t depth_of(std::string_view text) noexcept
{
    std::size_t depth = 0;
    std::size_t deepest = 0;
    for (std::size_t at = text.find_first_of("\"[]{}"sv); at < text.size(); at = text.find_first_of("\"[]{}"sv, at)) {
        if (text[at] == '"') {
            at += length_of_string(text.substr(at));
            continue;
        }
        if (text[at] == '[' || text[at] == '{')
            deepest = std::max(deepest, ++depth);
        else if (depth != 0)
            --depth;
        ++at;
    }
    return deepest;
}

Elements::Elements(std::string_view array) noexcept : rest_(inside(array, '[', ']')) {}

bool Elements::next(std::string_view &value) noexcept
{
    value = take_value(rest_);
    take(rest_, ',');
    return !value.empty();
}

Members::Members(std::string_view object) noexcept : rest_(inside(object, '{', '}')) {}

bool Members::next(std::string_view &name, std::string_view &value) noexcept
{
    name = take_value(rest_);
    if (kind_of(name) != Kind::String || !take(rest_, ':'))
        return false;
    value = take_value(rest_);
    take(rest_, ',');
    return !value.empty();
}

char *encode_utf8(char32_t c, char *to) noexcept
{
    auto const put = [&to](char32_t byte) { *to++ = static_cast<char>(byte); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | c >> 6);
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3F));
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    }
    return to;
}

Unescaped read_string(std::string_view string, Buffer &out, Encode encode)
{
    if (string.size() < 2 || string.front() != '"' || string.back() != '"')
        return Unescaped::Malformed;
    std::string_view rest = string.substr(1, string.size() - 2);
    for (;;) {
        std::size_t const at = rest.find('\\');
        out.append(rest.substr(0, at));
        if (at == std::string_view::npos)
            return Unescaped::Done;
        rest.remove_prefix(at + 1);
        if (rest.empty())
            return Unescaped::Malformed;
        char const escape = rest.front();
        rest.remove_prefix(1);
        constexpr std::string_view kEscapes = "\"\\/bfnrt"sv;
        constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t"sv;
        std::size_t const known = kEscapes.find(escape);
        if (known != std::string_view::npos) {
            out.append(kMeanings[known]);
            continue;
        }
        if (escape != 'u')
            return Unescaped::Malformed;
        char32_t character = 0;
        Unescaped const taken = take_character(rest, character);
        if (taken != Unescaped::Done)
            return taken;
        out.advance(encode(character, out.reserve(32)));
    }
}

}  // namespace wc::json
