// Which table of the application stands for which entity, resolved to OIDs and attribute numbers.
//
// The mapping itself is rows of white_cross.binding, by name.  What is resolved from it is kept for the session, and
// resolved anew when PostgreSQL says that something changed: the table (also by ALTER, by creating or dropping an
// index, by VACUUM), its schema, or the rows of the binding.  Types and collations are checked there, so that nobody
// who reads has to (column_kind.hpp).
//
// A BoundTable never changes.  What is resolved anew is another one, and the old one stays where it is until the
// transaction ends.  A function that reads begins with lock_tables, and from then on to its end bound_table and the
// others give it the same tables, whatever happens meanwhile: detoasting, locking and functions that its queries call
// accept invalidation messages.  Reads form a stack, as active snapshots do: a function that a query calls begins its
// own.
#pragma once
#include <cstdint>
#include <initializer_list>

#include "extension/binding/asked_ids.hpp"
#include "extension/binding/bound_table.hpp"
#include "extension/calls/call.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// The tables of a read; null for entities that it does not read.
struct Binding {
    const BoundTable *tables[kEntities];
    std::uint64_t schema_changes;  // count_of_schema_changes() when the tables were locked
};

/// Begins a read of these tables: locks them (AccessShareLock until the end of the transaction, as a query does) as
/// they are bound at one moment.  Until end_reading all functions below return these tables.
///
/// REQUIRES: the caller is a WC_READING_FUNCTION, which ends what was begun in it; an error does so too.
///
/// Errors: 55000 nothing attached (hint: wc_attach); 42P01 the table is gone; 42703 a column is gone; 42804 a column
/// is of a type or collation that the attribute cannot have.
Binding lock_tables(std::initializer_list<Entity> entities);

/// Continues a read that an earlier call of the same query began.
void continue_reading(const Binding &binding);

/// Returns how many reads are on the stack; end_reading ends those beyond `depth`.
int reads_under_way() noexcept;
void end_reading(int depth) noexcept;

/// Checks, after a query with these tables' names in its text, that the names still stand for these tables: renaming a
/// schema locks no table, so other tables may have got the names.  Errors: 40001.
void check_names();

/// Returns the table of `entity`: the current read's, or, outside of a read, as it is bound now.
///
/// Errors: as lock_tables.  Columns of students and records that a summary does not need may be gone or have a wrong
/// type: then their `number` is 0.
const BoundTable &bound_table(Entity entity);

struct OpenTable {
    const BoundTable *bound;
    Relation relation;
};

/// Like bound_table(), and locks and opens the table.  The caller closes `relation` with NoLock.
OpenTable open_bound_table(Entity entity);

/// Like bound_table(), and locks the table, which a query then opens.
const BoundTable &lock_bound_table(Entity entity);

/// Like lock_bound_table(), and raises 42703 or 42804 if any attribute lacks a column or has one of a wrong type.
const BoundTable &lock_whole_table(Entity entity);

/// Registers the callbacks that drop cached bindings.  Called once, when the library is loaded.
void watch_bindings();

}  // namespace wc

/// Defines a function that SQL can call and that reads tables: a read that it begins with lock_tables ends when it
/// returns.  Its calls are counted and audited.
#define WC_READING_FUNCTION(name)                                                                   \
    static Datum name##_reading(FunctionCallInfo fcinfo);                                           \
    WC_COUNTED_FUNCTION(name)                                                                       \
    {                                                                                               \
        if (wc::audit::is_recording()) [[unlikely]]                                                 \
            wc::note_asked_ids(fcinfo, wc::calls::kFunctions[wc::calls::number_of(#name)].subject); \
        int const depth = wc::reads_under_way();                                                    \
        Datum const result = name##_reading(fcinfo);                                                \
        wc::end_reading(depth);                                                                     \
        return result;                                                                              \
    }                                                                                               \
    static Datum name##_reading([[maybe_unused]] FunctionCallInfo fcinfo)
