#include "process/printable.hpp"

#include <cstdint>

namespace wc {
namespace {

/// The length of the character that the text begins with; 0 when it is none of UTF-8, or one that is not shown.
std::size_t shown_length(std::string_view text)
{
    auto const byte = [&](std::size_t at) { return static_cast<std::uint8_t>(at < text.size() ? text[at] : 0); };
    auto const first = byte(0);
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    std::size_t const length = first >= 0xc2 && first < 0xe0   ? 2
                               : first >= 0xe0 && first < 0xf0 ? 3
                               : first >= 0xf0 && first < 0xf5 ? 4
                                                               : 0;
    std::uint32_t code = length == 2 ? first & 0x1f : length == 3 ? first & 0x0f : first & 0x07;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte(i) & 0x3f);
    }
    bool const is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    bool const is_control = code < 0xa0 || code == 0x2028 || code == 0x2029;
    // What changes the direction of writing makes a line read as another.
    bool const is_direction =
        (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    bool const is_surrogate = code >= 0xd800 && code < 0xe000;
    return length == 0 || is_overlong || is_control || is_direction || is_surrogate || code > 0x10ffff ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most)
{
    constexpr char kDigits[] = "0123456789abcdef";
    constexpr std::string_view kCut = "...";
    std::string out;
    while (!text.empty()) {
        auto const length = shown_length(text);
        if (out.size() + (length > 0 ? length : 4) > most) {
            out += kCut;
            break;
        }
        if (length > 0) {
            out.append(text.substr(0, length));
        } else {
            auto const byte = static_cast<std::uint8_t>(text.front());
            out.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
        }
        text.remove_prefix(length > 0 ? length : 1);
    }
    return out;
}

}  // namespace wc
