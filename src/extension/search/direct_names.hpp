// Finds the records of students whose names match, through the index of records by student.
#pragma once
#include "extension/search/record_cursor.hpp"

namespace wc {

/// Finds all records of these students if there are at most kExactTotal, or else the latest `needed`.  REQUIRES: the
/// cursor has a student_relation().
Matches find_of_students(RecordCursor &records, const Datum *students, int count, int64 needed);

/// Whether these students together have more records of the wanted type than are counted.
bool have_more_than_counted(RecordCursor &records, const Datum *students, int count);

}  // namespace wc
