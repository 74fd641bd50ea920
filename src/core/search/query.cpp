#include "core/search/query.hpp"

namespace wc::search {
namespace {

// A character of more than one byte, and what it stands for.
constexpr std::string_view kQuotes[] = {"\u201C", "\u201D", "\u201E", "\u201F", "\u00AB", "\u00BB"};
constexpr std::string_view kSpaces[] = {"\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                        "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u200B",
                                        "\u2028", "\u2029", "\u202F", "\u205F", "\u3000", "\uFEFF"};
constexpr std::string_view kMinus = "\u2212";
constexpr std::string_view kApostrophes[] = {"'", "`", "\u2018", "\u2019", "\u02BC", "\u2032"};

constexpr bool is_ascii_space(char c) noexcept
{
    auto const byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7F;
}

constexpr bool is_ascii_punctuation(char c) noexcept
{
    return (c > 0x20 && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7F);
}

template <std::size_t N>
std::size_t match(const std::string_view (&list)[N], std::string_view text) noexcept
{
    for (std::string_view const one : list) {
        if (text.starts_with(one))
            return one.size();
    }
    return 0;
}

std::string_view trim(std::string_view text) noexcept
{
    auto const is_edge = [](char c) { return is_ascii_space(c) || is_ascii_punctuation(c); };
    while (!text.empty() && is_edge(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_edge(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace

TermReader::Mark TermReader::mark_at(std::size_t at, std::size_t &size) const noexcept
{
    char const c = rest_[at];
    size = 1;
    if (is_ascii_space(c))
        return Mark::Space;
    if (c == '"')
        return Mark::Quote;
    if (c == '-')
        return Mark::Minus;
    if (!utf8_ || static_cast<unsigned char>(c) < 0x80)
        return Mark::None;
    std::string_view const here = rest_.substr(at);
    if (std::size_t const quote = match(kQuotes, here); quote != 0) {
        size = quote;
        return Mark::Quote;
    }
    if (std::size_t const space = match(kSpaces, here); space != 0) {
        size = space;
        return Mark::Space;
    }
    if (here.starts_with(kMinus)) {
        size = kMinus.size();
        return Mark::Minus;
    }
    return Mark::None;
}

// Where the next quote (or space) begins; the end when there is none.
std::size_t TermReader::find(std::size_t from, bool only_quotes) const noexcept
{
    std::size_t size = 0;
    for (std::size_t at = from; at < rest_.size(); ++at) {
        Mark const mark = mark_at(at, size);
        if (mark == Mark::Quote || (mark == Mark::Space && !only_quotes))
            return at;
    }
    return rest_.size();
}

// Passes over spaces; takes the minuses before a term.
bool TermReader::skip_to_term(Term &term) noexcept
{
    term.negated = false;
    while (!rest_.empty()) {
        std::size_t size = 0;
        switch (mark_at(0, size)) {
            case Mark::Space: term.negated = false; break;
            case Mark::Minus: term.negated = true; break;
            default: return true;
        }
        rest_.remove_prefix(size);
    }
    return false;
}

bool TermReader::next(Term &term) noexcept
{
    while (skip_to_term(term)) {
        std::size_t size = 0;
        term.phrase = mark_at(0, size) == Mark::Quote;
        if (term.phrase)
            rest_.remove_prefix(size);
        std::size_t const end = find(0, term.phrase);
        term.text = trim(rest_.substr(0, end));
        rest_.remove_prefix(end);
        term.closed = term.phrase && !rest_.empty();
        if (term.closed) {
            mark_at(0, size);
            rest_.remove_prefix(size);
        }
        if (!term.text.empty())
            return true;
    }
    return false;
}

void append_part_pattern(json::Buffer &out, std::string_view term, bool utf8)
{
    out.append('%');
    while (!term.empty()) {
        char const c = term.front();
        std::size_t const apostrophe =
            utf8 || static_cast<unsigned char>(c) < 0x80 ? match(kApostrophes, term) : std::size_t{0};
        if (apostrophe != 0) {
            out.append('_');
            term.remove_prefix(apostrophe);
            continue;
        }
        if (c == '%' || c == '_' || c == '\\')
            out.append('\\');
        out.append(c);
        term.remove_prefix(1);
    }
    out.append('%');
}

}  // namespace wc::search
