// Finds records by their text through the index of words.
//
// The executor has two ways to find the latest matches of a common word, and both do too much: it fetches and sorts all
// of them, or it walks back through the dates and makes a tsvector of each record on the way.  Here the index of words
// gives the positions of matching rows without fetching them (row_bitmap.hpp); a walk through the dates looks positions
// up there, and fetches only the rows of the page.  If so many rows match that even reading the index of words is slow,
// a sample of it shows that there are more than are counted, and the walk makes tsvectors of some hundred records.
#pragma once
#include "extension/search/query.hpp"
#include "extension/search/record_cursor.hpp"

namespace wc {

/// Whether the index of words can find the matches of the tsquery without being read as a whole.
bool index_of_words_finds(Datum tsquery);

/// Finds all matches by text if there are at most kExactTotal, or else the latest `needed`.
Matches find_by_text(RecordCursor &records, const SearchQuery &query, int64 needed);

}  // namespace wc
