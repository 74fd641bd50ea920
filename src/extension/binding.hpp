// Which table of the application stands for which entity, resolved to OIDs and attribute numbers.
//
// The mapping itself is rows of white_cross.binding, by name.  What is resolved from it is kept for the
// session and forgotten when PostgreSQL says that something changed: the table (also by ALTER, by
// creating or dropping an index, by VACUUM), its schema, or the rows of the binding.
#pragma once
#include <cstdint>

#include "extension/entity.hpp"
#include "extension/prelude.hpp"

namespace wc {

struct BoundColumn {
    NameData name;
    AttrNumber number;
    Oid type;
    Oid collation;
    int16 length;
    char alignment;
    bool by_value;
    bool not_null;
};

struct BoundTable {
    Oid relation;
    Oid schema;
    NameData schema_name;
    NameData table_name;
    BoundColumn columns[kMaxAttributes];
    AttrNumber last_number;  // the highest attribute number among the columns
    std::uint64_t version;   // another one whenever the table was resolved anew
};

/// The table that stands for `entity`.  What is returned stays in place and right for as long as the
/// caller holds a lock on the table; `open_bound_table` takes one.
///
/// Errors: 55000 nothing attached (hint: wc_attach); 42P01 the table is gone; 42703 a column is gone.
///
/// Of students and records, columns beyond those of a summary may be gone: then they are of no type, and `number` is 0.
const BoundTable &bound_table(Entity entity);

struct OpenTable {
    const BoundTable *bound;
    Relation relation;
};

/// Opens and locks the table (AccessShareLock, kept to the end of the transaction, as a query does).
/// Close `relation` with NoLock.
OpenTable open_bound_table(Entity entity);

/// The same for who reads by queries: locks the table, and leaves the opening to them.
const BoundTable &lock_bound_table(Entity entity);

/// The same where all columns are needed.
const BoundTable &lock_whole_table(Entity entity);

/// Whether wc_attach was run.  Never an error.
bool is_attached();

/// The name of the column that the binding gives an attribute, into `name`; false when there is none.
/// Needs no table to exist.  Never an error.
bool bound_column_name(Entity entity, int attribute, NameData &name);

/// Registers the callbacks that forget.  Called once, when the library is loaded.
void watch_bindings();

}  // namespace wc
