// The sections of a summary that only the `include` argument adds.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

struct Extras {
    bool chronic_conditions = false;
    bool growth = false;
    bool trends = false;

    bool any() const noexcept { return chronic_conditions || growth || trends; }
};

/// Reads the `include` argument, an array of text.
///
/// Errors: 22023 an unknown section, with the known ones; 22004 a NULL among them.
Extras parse_extras(ArrayType *include);

/// Writes the sections as members of an object, each with a comma in front.  `student_id` is of the type of the
/// students' id column.
///
/// REQUIRES: the caller has opened the object and written a member of it.  There is a section to write.
void write_extras(json::Buffer &out, const Extras &extras, Datum student_id);

}  // namespace wc
