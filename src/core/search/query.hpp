// What a person types into a search box, taken apart.  Every text is a query; there is no syntax error.
//
//     sore throat          words: all of them
//     "sore throat"        a phrase; one that is not closed goes on to the end and is still being typed
//     -fever, -"sent home" none of these
//
// Quotes may be typographic (“ ” „ ‟ « »), as phones make them.  Punctuation around a word is not part of it.
#pragma once
#include <cstddef>
#include <string_view>

#include "core/json/buffer.hpp"

namespace wc::search {

/// The longest lexeme of a tsvector, in bytes; a search cannot find a longer word.
inline constexpr std::size_t kLongestTerm = 2046;

/// The number of words and phrases of a query that are read; the rest is ignored.
inline constexpr int kMaxTerms = 64;

struct Term {
    std::string_view text;  ///< without quotes, and without punctuation or spaces around it; never empty
    bool negated;
    bool phrase;
    bool closed;  ///< a phrase with its closing quote
};

/// Reads the terms of a query from front to back.  `text` must live as long as the terms.  In `utf8` typographic
/// quotes, spaces and the minus sign U+2212 are understood; in any other encoding (one where bytes below 0x80 are
/// ASCII) only the ASCII ones.  Any bytes will do.
class TermReader {
public:
    TermReader(std::string_view text, bool utf8) noexcept : rest_(text), utf8_(utf8) {}

    /// False at the end.
    bool next(Term &term) noexcept;

private:
    enum class Mark { None, Space, Quote, Minus };
    Mark mark_at(std::size_t at, std::size_t &size) const noexcept;
    std::size_t find(std::size_t from, bool only_quotes) const noexcept;
    bool skip_to_term(Term &term) noexcept;

    std::string_view rest_;
    bool utf8_;
};

/// Appends a LIKE pattern, for the escape character \, of texts that have `term` as a part.  An apostrophe, of which
/// there are several, stands for any character.
void append_part_pattern(json::Buffer &out, std::string_view term, bool utf8);

}  // namespace wc::search
