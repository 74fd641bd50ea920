// Finds the records of students whose names match, through the index of records by student.
#pragma once
#include "extension/search/record_parts.hpp"

namespace wc {

/// Finds all records of these students if there are at most kExactTotal, or else the latest `needed`.
///
/// REQUIRES: parts.has_students().
Matches find_of_students(RecordParts &parts, const Datum *students, int count, int64 needed);

/// Whether these students together have more records of the wanted type than are counted.
///
/// REQUIRES: parts.has_students().
bool have_more_than_counted(RecordParts &parts, const Datum *students, int count);

}  // namespace wc
