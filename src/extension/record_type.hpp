// The column that holds a record's type: an enum in Prisma's schema, text in others.
#pragma once
#include "extension/binding.hpp"

namespace wc {

/// The value of the column for a type's name.  False when the enum has no such label: then no row can
/// be of that type.
bool find_record_type(const BoundColumn &column, const char *name, Datum &value);

}  // namespace wc
