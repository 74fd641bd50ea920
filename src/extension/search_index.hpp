// Finds the indexes of records that a direct search goes through.
#pragma once
#include "extension/binding.hpp"

namespace wc {

struct SearchIndexes {
    Oid text;  ///< GIN on the document of a record, exactly as the statements spell it; 0: there is none
    Oid date;  ///< a B-tree in the order of results: date, latest first, then id; 0: there is none
};

/// Between SPI_connect and SPI_finish.  What was found is kept until the table changes; whether an index is right for
/// the snapshot is still to be asked (student_index.hpp).
SearchIndexes find_search_indexes(const OpenTable &table);

/// What to ask an index of `text` for: the records that fulfil a tsquery.
void begin_text_key(ScanKey key, Relation index, Datum tsquery);

}  // namespace wc
