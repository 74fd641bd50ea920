// Which records are on a page of search results, and how many there are in all.
//
// The right way depends on how much matches, which nobody knows beforehand.  So it is tried out, the cheap ways first,
// for matches by text and by name each:
//
//  1. Up to kExactTotal of them are fetched.  When that was all, they are sorted, and done: rare words and most names.
//  2. When there are more, the latest are wanted, as many as the page needs, and the total is a lower bound.  Where
//     tables may be read directly, direct_search.hpp finds them.
//  3. Else queries do: a walk back from the latest record that looks at each, as long as enough of them match; or
//     everything that matches, sorted by the server, and counted too.
//
// By rank, the latest kRanked of each kind are what is ranked, so that it costs no more however much matches.
//
// All of it reads as the caller, with one snapshot: what a policy hides is neither found nor counted.
#pragma once
#include "extension/search_query.hpp"
#include "extension/search_statements.hpp"

namespace wc {

struct SearchPage {
    Datum ids;  ///< array of the type of records' id, in order
    int64 total;
    bool total_is_lower_bound;
    int64 reachable;  ///< how many pages may show: less than the total where not all is ranked
};

/// Runs between SPI_connect and SPI_finish of its caller; what it gives lives until the latter.  `parameters` are
/// changed.
SearchPage find_search_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset,
                            int64 limit);

}  // namespace wc
