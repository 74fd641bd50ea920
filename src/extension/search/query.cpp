#include "extension/search/query.hpp"

#include <algorithm>

#include "core/search/spelling.hpp"
#include "extension/search/term.hpp"
#include "extension/server/guc_scope.hpp"
#include "extension/server/text_view.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<SearchQuery>);

namespace {

// The length of the shortest name part that has a trigram.
constexpr int kShortestIndexedPart = 3;

Datum as_datum(TSQuery query) { return query == nullptr ? Datum{0} : TSQueryGetDatum(query); }

struct Terms {
    search::Term items[search::kMaxTerms];
    int count = 0;

    bool is_last(int at) const { return at == count - 1; }
};

Terms read_terms(std::string_view text, bool utf8)
{
    Terms terms;
    search::TermReader reader(text, utf8);
    while (terms.count < search::kMaxTerms && reader.next(terms.items[terms.count]))
        ++terms.count;
    return terms;
}

struct Patterns {
    Datum items[search::kMaxTerms];
    int characters[search::kMaxTerms];
    int count = 0;

    void add(std::string_view term, bool utf8)
    {
        json::Buffer pattern = make_buffer();
        search::append_part_pattern(pattern, term, utf8);
        characters[count] = pg_mbstrlen_with_len(term.data(), static_cast<int>(term.size()));
        items[count++] = finish_text(pattern);
    }
    int longest() const { return static_cast<int>(std::max_element(characters, characters + count) - characters); }
    // Removes a pattern and returns it.
    Datum take(int at)
    {
        Datum const taken = items[at];
        --count;
        std::copy(items + at + 1, items + count + 1, items + at);
        std::copy(characters + at + 1, characters + count + 1, characters + at);
        return taken;
    }
    Datum array() { return PointerGetDatum(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT)); }
};

// The patterns for names that are made from the terms.
struct NamePatterns {
    Patterns wanted;
    Patterns excluded;

    void add(const search::Term &term, bool utf8) { (term.negated ? excluded : wanted).add(term.text, utf8); }

    void write(SearchQuery &query)
    {
        if (wanted.count > 0) {
            int const longest = wanted.longest();
            query.name_part_is_short = wanted.characters[longest] < kShortestIndexedPart;
            query.name_part = wanted.take(longest);
        }
        int const second = wanted.longest();
        if (wanted.count > 0 && wanted.characters[second] >= kShortestIndexedPart)
            query.second_name_part = wanted.take(second);
        query.name_parts = wanted.array();
        query.excluded_names = excluded.array();
        query.has_several_parts = wanted.count > 0;
        query.has_excluded_names = excluded.count > 0;
    }
};

// The tsqueries that are made from the terms; null: none.
struct TextQuery {
    TSQuery words = nullptr;
    TSQuery beginnings = nullptr;
    TSQuery excluded = nullptr;

    void add(const TermQuery &found)
    {
        if (found.beginnings != nullptr)
            beginnings = all_of(words, found.beginnings);
        words = all_of(words, found.words);
    }
    void exclude()
    {
        if (excluded == nullptr)
            return;
        words = all_of(words, excluded);
        if (beginnings != nullptr)
            beginnings = all_of(beginnings, excluded);
    }
};

bool is_word(const search::Term &term) { return !term.phrase && !term.negated; }

bool are_joined(const Terms &terms, int first)
{
    return !terms.is_last(first) && is_word(terms.items[first]) && is_word(terms.items[first + 1]) &&
           search::may_be_joined(terms.items[first].text, terms.items[first + 1].text);
}

enum class Length { Fits, FindsNothing, ExcludesNothing };

// Handles a term that is too long.  No record contains a word of that length; a phrase is cut to its beginning.
Length cut(search::Term &term)
{
    if (term.text.size() <= search::kLongestTerm)
        return Length::Fits;
    if (!term.phrase)
        return term.negated ? Length::ExcludesNothing : Length::FindsNothing;
    term.text = cut_text(term.text, static_cast<int>(search::kLongestTerm));
    return Length::Fits;
}

// Makes both from the terms.  Returns false if nothing can match.
bool read(Terms &terms, bool utf8, TextQuery &text, NamePatterns &names)
{
    Oid const configuration = english_configuration();
    bool is_joined_with_last = false;
    for (int i = 0; i < terms.count; ++i) {
        search::Term &term = terms.items[i];
        bool const is_joined_with_next = !is_joined_with_last && are_joined(terms, i);
        Length const length = cut(term);
        if (length == Length::FindsNothing)
            return false;
        if (length == Length::ExcludesNothing)
            continue;
        names.add(term, utf8);
        if (term.negated) {
            text.excluded = all_of(text.excluded, excluding_query(configuration, term));
            continue;
        }
        if (is_joined_with_last)
            text.add(joined_query(configuration, terms.items[i - 1], term, terms.is_last(i)));
        else if (!is_joined_with_next)
            text.add(term_query(configuration, term, terms.is_last(i) && !term.closed));
        is_joined_with_last = is_joined_with_next;
    }
    // A stop word after other words may be complete: then it restricts nothing.
    if (text.words == nullptr && terms.count > 0) {
        const search::Term &last = terms.items[terms.count - 1];
        if (!last.negated && !last.closed && last.text.size() <= search::kLongestTerm)
            text.words = stop_word_beginning(last);
    }
    text.exclude();
    return true;
}

SearchQuery parse(std::string_view typed)
{
    bool const utf8 = GetDatabaseEncoding() == PG_UTF8;
    Terms terms = read_terms(typed, utf8);
    TextQuery text;
    NamePatterns names;
    if (!read(terms, utf8, text, names))
        return {};
    SearchQuery query{};
    query.words = as_datum(text.words);
    query.beginnings = as_datum(text.beginnings);
    query.excluded = as_datum(text.excluded);
    names.write(query);
    return query;
}

}  // namespace

// Suppresses notices, because PostgreSQL sends the client one for each term that is a stop word.
SearchQuery parse_search_query(std::string_view text)
{
    GucScope scope;
    scope.set("client_min_messages", "warning");
    SearchQuery const query = parse(text);
    scope.end();
    return query;
}

}  // namespace wc
