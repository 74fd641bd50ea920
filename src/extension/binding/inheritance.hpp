// The descendants of an attached table: its partitions, and the children that inherit from it.  A query of it reads
// them.
#pragma once
#include "extension/binding/entity.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// Finds the entity of a relation that is an attached table or a descendant of one.  Returns false otherwise; raises no
/// error.
bool find_entity_of(Oid relation, Entity &entity);

/// Returns the table and its descendants of all generations, as a list of OIDs, in an order that depends on them alone.
List *with_descendants(Oid table);

/// Whether a query of this table returns rows that other sessions do not see, or whose changes this server does not
/// see: one of its descendants is a temporary table of this session, or a foreign table.
bool has_rows_of_its_own(Oid table);

}  // namespace wc
