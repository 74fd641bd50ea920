// Rows of the result of white_cross.take().
#pragma once
#include <vector>

#include "app/change.hpp"
#include "app/writer.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

/// Reads a row that begins with 's'.
app::Change change_of(const Result &result, int row);

/// Adds another row's change of the same student.  The rows of a transaction follow each other.
void merge(app::Change &change, const app::Change &other);

/// Reads a row that begins with 't'.  Of a row that somebody inserted by hand the traceparent may be none: then it adds
/// nothing.
void add_writer(std::vector<app::Writer> &writers, const Result &result, int row);

}  // namespace wc::pg
