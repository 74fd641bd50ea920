// Columns that hold labels, such as a record's type: an enum in Prisma's schema, text in others.
#pragma once
#include "extension/binding/binding.hpp"

namespace wc {

/// Finds the column's value for the name of a type.  Returns false if the enum has no such label: then no row has that
/// type.
bool find_record_type(const BoundColumn &column, const char *name, Datum &value);

/// Returns an enum's label, or a text, as C text in the current memory context.
char *label_text(Datum value, Oid type);

/// Appends an SQL expression for the text of table.attribute, an enum or text.  It uses no cast, because the owner of
/// an enum may define a cast that calls a function of his.
void append_label_text(StringInfo query, const BoundTable &table, int attribute);

}  // namespace wc
