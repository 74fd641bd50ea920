// Which records are on a page of search results, and how many there are in all.
//
// The right way depends on how much matches, which nobody knows beforehand.  So it is tried out, the cheap ways first:
//
//  1. At most kExactTotal matches are taken from the indexes, by text and by name.  When that was all, they are sorted,
//     and done: rare words and most names.
//  2. When there are more, a page of the latest is found soonest by walking back from the latest record and looking at
//     each, as long as enough of them match: common words, early pages.  The total is then a lower bound.
//  3. Where too few match, or far back: everything that matches is sorted by the server, and counted too.
//
// All of it is queries as the caller, with one snapshot: what a policy hides is neither found nor counted.
#pragma once
#include "extension/search_query.hpp"
#include "extension/search_statements.hpp"

namespace wc {

struct SearchPage {
    Datum ids;  ///< array of the type of records' id, in order
    int64 total;
    bool total_is_lower_bound;
};

/// Runs between SPI_connect and SPI_finish of its caller; what it gives lives until the latter.  `parameters` are
/// changed.
SearchPage find_search_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset,
                            int64 limit);

}  // namespace wc
