// Ids of students and records: text, uuid or bigint as arguments, converted to the type of the table's column.
#pragma once
#include <string_view>

#include "extension/binding/binding.hpp"

namespace wc {

/// The ids of an array argument of text, uuid or bigint.
struct IdArray {
    Datum *values;
    bool *nulls;
    int count;
    Oid type;
};
IdArray read_ids(ArrayType *array);

/// Returns an argument of the function that is an array of ids, or the text of an array of text.
///
/// Drivers send an array as text without a type.  With overloads for text[], uuid[] and bigint[] alone such a call
/// would be ambiguous.  PostgreSQL prefers text, so it calls the overload that takes text.
///
/// Errors: 22P02 text that is not an array; the error does not show the text.
ArrayType *id_array_argument(FunctionCallInfo fcinfo, int number);

/// Converts an id to the type of the column; all functions use this rule.  If the column holds uuids or numbers, text
/// is read as PostgreSQL reads it ('007' is 7); if it holds text, ids are equal only if their bytes are.  Returns false
/// if no student can have the id, such as a number beyond the range of the column.
///
/// Errors: 22P02 text that is not a uuid or number although the column holds those; 42804 a uuid although the column
/// holds numbers, or the reverse.
bool convert_student_id(Datum value, Oid type, const BoundColumn &column, Datum &converted);

/// Like convert_student_id(), for the function's first argument and the students' column.
/// REQUIRES: the argument is not NULL; the students' table is locked (lock_tables).
bool student_argument(FunctionCallInfo fcinfo, Datum &converted);

/// Like convert_student_id(), for a column of other ids.
bool convert_id(Datum value, Oid type, const BoundColumn &column, Datum &converted);

/// Like convert_id(), for ids that may come from cache keys: returns false instead of an error for text that is not a
/// uuid or number.
bool convert_cached_id(Datum value, Oid type, const BoundColumn &column, Datum &converted);

/// Returns the id as cache keys and the queue spell it, in the current memory context.  For an id that was converted to
/// the type of the students' column, this is the spelling of the student's own row.
std::string_view student_id_text(Datum value, Oid type);

}  // namespace wc
