// Lists of one student: conditions, allergies, vitals, vaccinations.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Writes an array of the chronic conditions of a student, by status, condition and id.  `student_id` is of the type of
/// the students' id column.
///
/// REQUIRES: the caller has connected to SPI.
/// Errors: those of the query; a missing privilege is 42501 with the table's name.
void write_conditions(json::Buffer &out, Datum student_id);

}  // namespace wc
