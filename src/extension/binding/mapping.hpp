// Reads the mapping that wc_attach wrote: rows of white_cross.binding, with names.
#pragma once
#include "extension/binding/column_kind.hpp"
#include "extension/binding/entity.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// A row of white_cross.binding, copied into the current memory context.
struct BindingRow {
    NameData schema_name;
    NameData table_name;
    Jsonb *columns;
};

/// Reads the row of `entity`.  Returns false if no table is attached as it.
bool read_binding(Entity entity, BindingRow &row);

/// Finds the name of an attribute's column in the row.  Returns false if there is none.
bool column_name(const BindingRow &row, const char *attribute, NameData &name);

/// Finds the table with the row's names.  Returns false if there is none.
bool find_table(const BindingRow &row, Oid &schema, Oid &relation);

/// Whether `relation` is white_cross.binding, so that its invalidation means that the mapping changed.
bool is_binding_relation(Oid relation);

/// Finds the name of the column that the binding has for an attribute.  Returns false if there is none.  The table need
/// not exist.  Raises no error.
bool bound_column_name(Entity entity, int attribute, NameData &name);

/// Finds the students' table and the type and collation of its id.  Returns false if there is none.  Raises no error.
bool find_student_id(Oid &students, ColumnType &id);

}  // namespace wc
