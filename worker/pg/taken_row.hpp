// Rows of the result of white_cross.take().
#pragma once
#include <vector>

#include "app/change.hpp"
#include "app/queue.hpp"
#include "app/writer.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

/// Reads a row that begins with 's'.
app::Change change_of(const Result &result, int row);

/// Reads the same row as an event, whose time is its age for now.
app::Event event_of(const Result &result, int row);

/// Makes times of the ages of events, and puts these into the order of their times.  `now`: when the ages were told, in
/// microseconds since 1970.
void read_times(app::Batch &batch, std::string_view now);

/// Adds another row's change of the same student.  The rows of a transaction follow each other.
void merge(app::Change &change, const app::Change &other);

/// Reads a row that begins with 't'.  Of a row that somebody inserted by hand the traceparent may be none: then it adds
/// nothing.
void add_writer(std::vector<app::Writer> &writers, const Result &result, int row);

}  // namespace wc::pg
