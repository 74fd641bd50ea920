// A person's query as what the statements of a search take: tsqueries for the text of records, LIKE patterns for names.
//
// Nothing is put together as text that the server would parse again: each term goes through websearch_to_tsquery, in
// quotes, and what comes out is combined as trees.
#pragma once
#include "core/search/query.hpp"
#include "extension/prelude.hpp"

namespace wc {

/// Datums are 0 where there is nothing of the kind.  All in the memory context that was current.
struct SearchQuery {
    Datum words;       ///< tsquery: all terms as they were typed
    Datum beginnings;  ///< tsquery: the same with the last word as the beginning of one; finds all that `words` does
    Datum excluded;    ///< tsquery that no record with an excluded term fulfils
    Datum name_part;   ///< text: the longest pattern, to look in an index for
    Datum name_parts;  ///< text[]: all patterns that a name must match
    Datum excluded_names;     ///< text[]: patterns that it must not match
    bool has_several_parts;   ///< `name_part` is not all of `name_parts`
    bool has_excluded_names;  ///< `excluded_names` has any
    bool name_part_is_short;  ///< too short for an index of trigrams

    Datum whole() const noexcept { return beginnings != 0 ? beginnings : words; }
    bool finds_text() const noexcept { return words != 0; }
    bool finds_names() const noexcept { return name_part != 0; }
};

/// Reads any text.  Never an error, a warning or a notice.
SearchQuery parse_search_query(std::string_view text);

}  // namespace wc
