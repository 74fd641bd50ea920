// Reads text that consists of a number and nothing else.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

namespace wc {

/// Reads the whole text as std::from_chars reads a number: without spaces and without a plus sign.  Returns nothing if
/// it is not a number, or out of range.
template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept
{
    Number value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

}  // namespace wc
