// Finds records by their text through the index of words.
//
// The executor has two ways to find the latest matches of a common word, and both do too much: it fetches and sorts all
// of them, or it walks back through the dates and makes a tsvector of each record on the way.  Here the index of words
// gives the positions of matching rows without fetching them (row_bitmap.hpp); a walk through the dates looks positions
// up there, and fetches only the rows of the page.  If so many rows match that even reading the index of words is slow,
// a sample of it shows that there are more than are counted, and the walk makes tsvectors of some hundred records.
//
// Each part of a partitioned table has its own index of words.  So estimates and counts go over all parts, while the
// sets of matching rows are those of one part after another: no two parts take memory at once, and each part is read
// only as far as it has later matches than those found so far.
#pragma once
#include "extension/search/query.hpp"
#include "extension/search/record_parts.hpp"

namespace wc {

/// Whether the index of words can find the matches of the tsquery without being read as a whole.
bool index_of_words_finds(Datum tsquery);

/// Finds all matches by text if there are at most kExactTotal, or else the latest `needed`.
Matches find_by_text(RecordParts &parts, const SearchQuery &query, int64 needed);

}  // namespace wc
