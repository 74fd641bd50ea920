#include "core/search/spelling.hpp"

#include <algorithm>

namespace wc::search {
namespace {

// Hyphen, non-breaking hyphen, figure dash, en dash, em dash and minus sign.
constexpr std::string_view kHyphens[] = {"\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212"};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Returns how many bytes the hyphen has that `text` begins with, or 0 if it begins with no hyphen.
std::size_t hyphen_size(std::string_view text, bool utf8) noexcept
{
    if (text.front() == '-')
        return 1;
    if (!utf8 || static_cast<unsigned char>(text.front()) < 0x80)
        return 0;
    for (std::string_view const hyphen : kHyphens) {
        if (text.starts_with(hyphen))
            return hyphen.size();
    }
    return 0;
}

struct Found {
    bool hyphens = false;
    bool letters = false;
    bool borders = false;  // between letters and digits
};

Found append(json::Buffer &out, std::string_view term, bool utf8, std::string_view for_hyphen, bool at_borders)
{
    Found found;
    char before = ' ';
    while (!term.empty()) {
        char const c = term.front();
        std::size_t const hyphen = hyphen_size(term, utf8);
        if (hyphen != 0) {
            found.hyphens = true;
            out.append(for_hyphen);
            term.remove_prefix(hyphen);
            before = ' ';
            continue;
        }
        if ((is_letter(before) && is_digit(c)) || (is_digit(before) && is_letter(c))) {
            found.borders = true;
            if (at_borders)
                out.append(' ');
        }
        found.letters = found.letters || is_letter(c) || static_cast<unsigned char>(c) >= 0x80;
        out.append(c);
        before = c;
        term.remove_prefix(1);
    }
    return found;
}

}  // namespace

bool append_parted(json::Buffer &out, std::string_view term, bool utf8)
{
    return append(out, term, utf8, " ", false).hyphens;
}

bool append_split(json::Buffer &out, std::string_view term, bool utf8)
{
    return append(out, term, utf8, " ", true).borders;
}

bool append_joined(json::Buffer &out, std::string_view term, bool utf8)
{
    Found const found = append(out, term, utf8, "", false);
    return found.hyphens && found.letters;
}

bool may_be_joined(std::string_view first, std::string_view second) noexcept
{
    auto const all = [](std::string_view word, bool (*is)(char)) {
        return !word.empty() && std::all_of(word.begin(), word.end(), is);
    };
    return (all(first, is_letter) && all(second, is_digit)) || (all(first, is_digit) && all(second, is_letter));
}

bool is_number(std::string_view lexeme, std::string_view &digits) noexcept
{
    if (!lexeme.empty() && (lexeme.front() == '-' || lexeme.front() == '+'))
        lexeme.remove_prefix(1);
    digits = lexeme;
    std::size_t const point = lexeme.find('.');
    auto const all_digits = [](std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    };
    return all_digits(lexeme.substr(0, point)) &&
           (point == std::string_view::npos || all_digits(lexeme.substr(point + 1)));
}

}  // namespace wc::search
