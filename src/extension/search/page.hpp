// Finds the records of a page of search results, and their total number.
//
// The best way depends on how many records match, which is not known beforehand.  So the search tries ways, the cheap
// ones first, separately for matches by text and by name:
//
//  1. It fetches up to kExactTotal matches.  If these are all, as for rare words and most names, it sorts them.
//  2. If there are more, it needs only the latest ones, as many as the page shows, and the total is a lower bound.  If
//     tables may be read directly, direct_text.hpp and direct_names.hpp find them.
//  3. Otherwise queries find them: a walk back from the latest record that examines each one, as long as enough of them
//     match; or a query for all matches, of which the server keeps the latest; or, for a page far behind, a query that
//     sorts and counts all.
//
// Ordered by rank, it ranks only the latest kRanked of each kind, so that the cost does not grow with the matches.
//
// It reads as the caller, with one snapshot: it neither finds nor counts rows that a policy hides.
#pragma once
#include "extension/search/query.hpp"
#include "extension/search/statements.hpp"

namespace wc {

struct SearchPage {
    Datum ids;  ///< an array of the records' ids, in the order of the page
    int64 total;
    bool total_is_lower_bound;
    int64 reachable;  ///< how many records all pages together show: less than the total if not all matches are ranked
    const RowPlace *places = nullptr;  ///< where these records are, in the same order; null: queries must read them
    int count = 0;                     ///< of the places
};

/// Finds a page; the result is valid until SPI_finish.  Changes `parameters`.  REQUIRES: SPI is connected.
SearchPage find_search_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset,
                            int64 limit);

}  // namespace wc
