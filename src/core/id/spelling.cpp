#include "core/id/spelling.hpp"

namespace wc::id {
namespace {

// Whether int8in skips the character as white space.  It does so in every locale that PostgreSQL runs in.
constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr int hexadecimal(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

bool parse_uuid(std::string_view text, Uuid &uuid) noexcept
{
    bool const is_in_braces = !text.empty() && text.front() == '{';
    if (is_in_braces) {
        if (text.back() != '}' || text.size() == 1)
            return false;
        text = text.substr(1, text.size() - 2);
    }
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (text.size() < 2)
            return false;
        int const high = hexadecimal(text[0]);
        int const low = hexadecimal(text[1]);
        if (high < 0 || low < 0)
            return false;
        uuid[i] = static_cast<unsigned char>(high << 4 | low);
        text.remove_prefix(2);
        // A hyphen may follow each group of four digits.
        if (!text.empty() && text.front() == '-' && i % 2 == 1 && i + 1 < uuid.size())
            text.remove_prefix(1);
    }
    return text.empty();
}

Read parse_integer(std::string_view text, std::int64_t &number) noexcept
{
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    bool const is_negative = !text.empty() && text.front() == '-';
    if (!text.empty() && (text.front() == '-' || text.front() == '+'))
        text.remove_prefix(1);
    if (text.empty())
        return Read::Malformed;
    // Read as a negative number, because the least number has no positive counterpart.
    std::int64_t read = 0;
    bool is_out_of_range = false;
    for (char const c : text) {
        if (c < '0' || c > '9')
            return Read::Malformed;
        is_out_of_range = is_out_of_range || __builtin_mul_overflow(read, std::int64_t{10}, &read) ||
                          __builtin_sub_overflow(read, std::int64_t{c - '0'}, &read);
    }
    if (is_out_of_range || (!is_negative && read == INT64_MIN))
        return Read::OutOfRange;
    number = is_negative ? read : -read;
    return Read::Done;
}

}  // namespace wc::id
