// The order of search results by rank.
//
// A query that ranks them looks up each record by its id, in each partition, up to kRanked of each kind.  Here records
// are read where the search has found them, and those found by the name alone are not read at all.
#pragma once
#include "extension/search/record_parts.hpp"

namespace wc {

/// Returns the rows of both lists, the best first, as ids_by_rank() orders them: a record that matches by its text has
/// the rank of the text, and one whose student has the name has 1 more.
///
/// REQUIRES: each list is in the order of records and has no record twice; the rows' places are known; policies do not
/// decide about records.
RowList rows_by_rank(RecordParts &parts, const RowList &by_text, const RowList &by_name, Datum tsquery);

}  // namespace wc
