// A table that the application does not have, so that its section is empty everywhere.
//
// Its BoundTable has no relation and no columns: a reader asks is_absent() before it reads.  wc_attach binds the table
// when it exists.
#pragma once
#include "extension/binding/bound_table.hpp"

namespace wc {

/// Whether the application may have no table of this entity.
constexpr bool may_be_absent(Entity entity) noexcept
{
    return entity == Entity::Allergies || entity == Entity::ChronicConditions;
}

inline bool is_absent(const BoundTable &table) noexcept { return !OidIsValid(table.relation); }

}  // namespace wc
