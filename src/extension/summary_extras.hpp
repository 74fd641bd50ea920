// The sections of a summary that are there only when asked for.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/prelude.hpp"

namespace wc {

struct Extras {
    bool chronic_conditions = false;
    bool growth = false;
    bool trends = false;
};

/// Reads the `include` argument, an array of text.
///
/// Errors: 22023 an unknown section, with the known ones; 22004 a NULL among them.
Extras parse_extras(ArrayType *include);

/// Appends the sections to an object that is not yet closed.  `student_id` is of the column's type.
void write_extras(json::Buffer &out, const Extras &extras, Datum student_id);

}  // namespace wc
