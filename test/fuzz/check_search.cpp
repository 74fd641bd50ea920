#include <string>

#include "core/search/highlight.hpp"
#include "core/search/query.hpp"
#include "core/search/spelling.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/memory.hpp"

namespace wc::fuzz {
namespace {

// Begins and ends with the wildcard and has no other: what a person typed is only itself.
void check_pattern(std::string_view pattern)
{
    require(pattern.size() >= 2 && pattern.front() == '%' && pattern.back() == '%');
    std::string_view inside = pattern.substr(1, pattern.size() - 2);
    while (!inside.empty()) {
        bool const is_escape = inside.front() == '\\';
        require(inside.front() != '%' && (!is_escape || inside.size() > 1));
        inside.remove_prefix(is_escape ? 2 : 1);
    }
}

// Whatever the spelling: letters and digits stay as they are, in their order.
void check_spellings(std::string_view term, bool utf8)
{
    auto const kept = [](std::string_view text) {
        std::string found;
        for (char const c : text)
            if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
                found += c;
        return found;
    };
    for (auto const append : {search::append_parted, search::append_split, search::append_joined}) {
        OwnBuffer other;
        (void)append(other.buffer, term, utf8);
        require(kept(other.buffer.view()) == kept(term));
        require(other.buffer.size() <= 2 * term.size());
    }
    std::string_view digits;
    if (search::is_number(term, digits))
        require(!digits.empty() && term.size() - digits.size() <= 1 && term.ends_with(digits));
}

void check_terms(std::string_view text, bool utf8)
{
    search::TermReader reader(text, utf8);
    const char *behind = text.data();
    for (search::Term term; reader.next(term);) {
        require(!term.text.empty() && (term.phrase || !term.closed));
        require(term.text.data() >= behind && term.text.data() + term.text.size() <= text.data() + text.size());
        require(term.text.find('"') == std::string_view::npos);
        behind = term.text.data() + term.text.size();
        OwnBuffer pattern;
        search::append_part_pattern(pattern.buffer, term.text, utf8);
        check_pattern(pattern.buffer.view());
        check_spellings(term.text, utf8);
    }
}

// No character that HTML knows but in marks, which are opened and closed by turns.
void check_highlight(std::string_view text)
{
    OwnBuffer html;
    search::append_marked_html(html.buffer, text);
    std::string_view rest = html.buffer.view();
    bool is_open = false;
    for (std::size_t at = 0; (at = rest.find_first_of("<>\"'\x02\x03")) != std::string_view::npos;) {
        std::string_view const mark = is_open ? "</mark>" : "<mark>";
        rest.remove_prefix(at);
        require(rest.starts_with(mark));
        rest.remove_prefix(mark.size());
        is_open = !is_open;
    }
    require(!is_open);
}

}  // namespace

void check_search(std::string_view text)
{
    check_terms(text, true);
    check_terms(text, false);
    check_highlight(text);
}

}  // namespace wc::fuzz
