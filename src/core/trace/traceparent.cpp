#include "core/trace/traceparent.hpp"

namespace wc::trace {
namespace {

constexpr std::string_view kName = "traceparent";
constexpr std::size_t kLength = 55;
constexpr std::size_t kLongestComment = 4096;

// Returns false if a character is not a hexadecimal digit in lower case.
bool read_hex(std::string_view digits, std::uint64_t &number) noexcept
{
    number = 0;
    for (char const digit : digits) {
        bool const is_decimal = digit >= '0' && digit <= '9';
        if (!is_decimal && (digit < 'a' || digit > 'f'))
            return false;
        number = number << 4 | static_cast<std::uint64_t>(is_decimal ? digit - '0' : digit - 'a' + 10);
    }
    return true;
}

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view without_end(std::string_view text) noexcept
{
    while (!text.empty() && (is_space(text.back()) || text.back() == ';'))
        text.remove_suffix(1);
    return text;
}

// Returns the text behind `traceparent=` up to a quote, a comma or a space; empty if the comment has no such key.
std::string_view value_in(std::string_view comment) noexcept
{
    for (std::size_t at = comment.find(kName); at != comment.npos; at = comment.find(kName, at + 1)) {
        bool const begins = at == 0 || is_space(comment[at - 1]) || comment[at - 1] == ',';
        std::string_view rest = comment.substr(at + kName.size());
        if (!begins || rest.empty() || rest.front() != '=')
            continue;
        rest.remove_prefix(1);
        if (!rest.empty() && rest.front() == '\'')
            rest.remove_prefix(1);
        return rest.substr(0, rest.find_first_of("', \t\r\n"));
    }
    return {};
}

void write_digits(std::uint64_t number, char *to) noexcept
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[number >> shift & 15];
}

}  // namespace

std::optional<Traceparent> parse_traceparent(std::string_view text) noexcept
{
    if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-')
        return {};
    std::uint64_t version = 0;
    std::uint64_t flags = 0;
    Traceparent found{};
    if (!read_hex(text.substr(0, 2), version) || version == 0xff || !read_hex(text.substr(3, 16), found.trace.high) ||
        !read_hex(text.substr(19, 16), found.trace.low) || !read_hex(text.substr(36, 16), found.parent) ||
        !read_hex(text.substr(53, 2), flags))
        return {};
    if (text.size() > kLength && (version == 0 || text[kLength] != '-'))
        return {};
    if (!found.is_set() || found.parent == 0)
        return {};
    found.is_sampled = (flags & 1) != 0;
    return found;
}

std::optional<Traceparent> find_traceparent(std::string_view statement) noexcept
{
    std::string_view tail = without_end(statement);
    if (!tail.ends_with("*/"))
        return {};
    tail.remove_suffix(2);
    if (tail.size() > kLongestComment)
        tail.remove_prefix(tail.size() - kLongestComment);
    std::size_t const begin = tail.rfind("/*");
    if (begin == tail.npos)
        return {};
    return parse_traceparent(value_in(tail.substr(begin + 2)));
}

void write_hex(SpanId id, char *to) noexcept { write_digits(id, to); }

void write_hex(TraceId id, char *to) noexcept
{
    write_digits(id.high, to);
    write_digits(id.low, to + kSpanDigits);
}

}  // namespace wc::trace
