// Resolves the names of the mapping to OIDs and attribute numbers, and checks the columns.
//
// A resolved table is cached until an invalidation says that something may have changed.  Then it is resolved anew,
// into another BoundTable; the old one stays in memory until the transaction ends (retired.hpp).
#pragma once
#include "extension/binding/bound_table.hpp"

namespace wc {

/// Returns the table of `entity` as it is bound now.  Errors: those of lock_tables (binding.hpp).
const BoundTable &current_table(Entity entity);

/// Whether the table is cached, so that current_table() does no lookup and raises no error.
bool is_known(Entity entity) noexcept;

/// Like current_table(), and locks the table (AccessShareLock), which waits for a session that alters it.
const BoundTable &lock_current_table(Entity entity);

/// Whether the table was not resolved anew, and no invalidation has come since.
bool is_current(const BoundTable &table, Entity entity);

/// Returns a number that no other bound table has as its version.
std::uint64_t next_version() noexcept;

/// Returns how many invalidations of schemas have come: a schema was created, dropped or renamed.
std::uint64_t count_of_schema_changes();

/// Raises the error for an attribute without a number: its column is gone, or has a wrong type.
[[noreturn]] void report_unreadable(Entity entity, const BoundTable &table, int attribute);

/// Called once, when the library is loaded.
void watch_resolution();

}  // namespace wc
