// The costs of the steps of a search, by which it chooses the faster of two ways.  Queries and direct reading use the
// same value for a step: only ratios matter, and both ways find the same records.
//
// In microseconds, measured on 80,000 records with 68 characters of text each, all of them in shared buffers.
#pragma once

namespace wc::search_cost {

/// Making a tsvector of a record's text and comparing it: 15 more than reading the record (28 on a busy machine).
inline constexpr double kVector = 15;

/// Fetching a record that an index has found, and sorting it among the others: 0.7 for 1,397 records, 0.9 for 9,487.
inline constexpr double kFetch = 0.8;

/// Asking the policies about a record, among some hundreds or alone, where a search looks into indexes of all rows
/// (direct/shown_rows.hpp).  What the policies themselves take comes on top.
inline constexpr double kAsk = 1.5;
inline constexpr double kAskAlone = 10;

/// The same for each other partition of the table, in which the executor looks too: of 16, 10 in all for each of 2,000.
inline constexpr double kAskOther = 0.6;
inline constexpr double kAskOtherAlone = 6;

/// Looking up a record's student by the id (1.4), or beginning with the records of another student (2.3).
inline constexpr double kStudent = 2;

/// Moving to the next entry in the index of dates, by its pages (leaf_walk.hpp), and looking the record up in a set.
inline constexpr double kStep = 0.02;

/// Reading a position from the index of words into a set (word_index.hpp).
inline constexpr double kPosition = 0.01;

}  // namespace wc::search_cost
