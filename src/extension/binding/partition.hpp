// The columns of a partition of an attached table.
//
// A partition has the columns of its table by name and type, but may have them under other numbers: it was made with
// another order of columns, or some were dropped.
#pragma once
#include "extension/binding/bound_table.hpp"

namespace wc {

/// Returns `whole` with the columns of this partition of it, or of a partition of a partition.  What the session found
/// out is kept until the partition or the table changes.  Returns null if a column differs in more than its number.
/// The names of schema and table stay those of `whole`.
///
/// REQUIRES: the partition is locked, and `whole` is a table of the current read.
const BoundTable *bound_partition(Entity entity, const BoundTable &whole, Relation partition);

/// Returns the number of the column of this name, which is mostly `likely`.
///
/// REQUIRES: there is one.
AttrNumber number_of_column(TupleDesc shape, const char *name, AttrNumber likely);

/// Called once, when the library is loaded.
void watch_partitions();

}  // namespace wc
