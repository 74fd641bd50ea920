// Turns a person's query into the parameters of a search: tsqueries for the text of records, LIKE patterns for names.
//
// It never builds a text that the server would parse as a query: it passes each term to websearch_to_tsquery, in
// quotes, and combines the resulting trees.
#pragma once
#include "core/search/query.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// A Datum is 0 if the query has nothing of its kind.  The values are in the memory context that was current.
struct SearchQuery {
    Datum words;              ///< tsquery: all terms as they were typed
    Datum beginnings;         ///< tsquery: like `words`, with the last word as a prefix; finds all that `words` finds
    Datum excluded;           ///< tsquery that no record with an excluded term fulfils
    Datum name_part;          ///< text: the longest pattern, which an index is searched for
    Datum second_name_part;   ///< text: the second longest pattern, if an index of trigrams can be searched for it
    Datum name_parts;         ///< text[]: all other patterns that a name must match
    Datum excluded_names;     ///< text[]: patterns that it must not match
    bool has_several_parts;   ///< `name_parts` has any
    bool has_excluded_names;  ///< `excluded_names` has any
    bool name_part_is_short;  ///< too short for an index of trigrams

    Datum whole() const noexcept { return beginnings != 0 ? beginnings : words; }
    bool finds_text() const noexcept { return words != 0; }
    bool finds_names() const noexcept { return name_part != 0; }
};

/// Reads any text.  Raises no error, warning or notice.
SearchQuery parse_search_query(std::string_view text);

}  // namespace wc
