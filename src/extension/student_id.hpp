// Ids, of students first of all: text, uuid or bigint in a call; whatever the students table has in its column.
#pragma once
#include <string_view>

#include "extension/binding.hpp"

namespace wc {

/// Ids of an array argument, of text, uuid or bigint.
struct IdArray {
    Datum *values;
    bool *nulls;
    int count;
    Oid type;
};
IdArray read_ids(ArrayType *array);

/// Converts an id to the type of the column.  False when no student can have it: a bigint beyond the
/// range of an integer column.
///
/// Errors: 22P02 text that is no uuid or number where the column holds those; 42804 a uuid where the
/// column holds numbers, or the reverse.
bool convert_student_id(Datum value, Oid type, const BoundColumn &column, Datum &converted);

/// The same for a column of other ids.
bool convert_id(Datum value, Oid type, const BoundColumn &column, Datum &converted);

/// The same for ids that come out of cache keys: text that is not in the column's own spelling is simply
/// no student's id.  Never an error for text.
bool convert_cached_id(Datum value, Oid type, const BoundColumn &column, Datum &converted);

/// The id as it stands in cache keys and in the queue, in the current memory context.
std::string_view student_id_text(Datum value, Oid type);

}  // namespace wc
