// Finds the indexes of records and of students' names that a direct search uses.
#pragma once
#include "extension/binding/binding.hpp"

namespace wc {

struct SearchIndexes {
    Oid text;  ///< the GIN index on a record's document, with exactly the expression of the statements; 0: none
    Oid date;  ///< a B-tree that has the order of records (record_order) when it is read forward; 0: none
};

/// Finds the indexes of a table that holds records: `whole`, or a partition of it.  The result is kept until the table
/// changes.  The caller must check whether an index is right for its snapshot (direct/eligibility.hpp).
///
/// REQUIRES: SPI is connected.
SearchIndexes find_search_indexes(const OpenTable &table, const OpenTable &whole);

/// Finds a GIN index on the name of a student, with exactly the expression of the statements, that finds names by ~~*;
/// 0: there is none.  As for find_search_indexes().
Oid find_name_index(const OpenTable &students);

/// Makes the scan key with which that index finds the names that match a pattern.
void begin_name_key(ScanKey key, Relation index, Datum pattern);

/// Makes the scan key with which the index `text` finds the records that fulfil a tsquery.
void begin_text_key(ScanKey key, Relation index, Datum tsquery);

}  // namespace wc
