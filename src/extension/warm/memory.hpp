// The shared memory of finished summaries: registers, entries and counts.
//
// A register says which transactions changed the students that share it; core/warm/register.hpp proves that entries are
// right.  The number of registers is fixed, and a hash of database and student chooses one.  Changes of all students of
// a database have registers of their own.  Entries are in partitions.  Each partition has a lock, under which a value
// is copied out.
//
// The memory is empty after each start of the server, also after a crash.  Transactions from before the start are in no
// register, and prepared ones may still commit.  So the next transaction id at the first look after the start is the
// floor, and the cache serves only snapshots that see all transactions before the floor.
#pragma once
#include <atomic>

#include "core/warm/partition.hpp"
#include "core/warm/register.hpp"
#include "extension/server/prelude.hpp"

extern "C" {
#include "storage/lwlock.h"
}

namespace wc::warm {

/// Why a call does not use the cache.
enum class Bypass : std::uint8_t {
    Writing,       // the transaction has an id, so it may have changed rows
    Serializable,  // a hit reads no rows, so it would take no predicate locks
    Snapshot,      // the snapshot is not an MVCC snapshot
    Recovery,      // the server is a standby
    Settings,      // white_cross.direct_reads is off, or birth days depend on a time zone
    Tables,        // a table has partitions, children or row-level security, is temporary, or is no heap
    Privileges,    // the role may not select from all of the tables; or the read would be a query, and another
                   // extension checks what queries read
    Triggers,      // a trigger of ours is missing, disabled or altered
    Types,         // the text of a column's values depends on settings
    Definitions,   // a table or trigger was altered after the snapshot, or during the call
    Id,            // the student's id is too long
};
inline constexpr int kBypasses = static_cast<int>(Bypass::Id) + 1;
inline constexpr const char *kBypassNames[kBypasses] = {"writing",  "serializable", "snapshot",   "recovery",
                                                        "settings", "tables",       "privileges", "triggers",
                                                        "types",    "definitions",  "id"};

/// A partition and its lock, on cache lines of its own.
struct alignas(128) Shelf {
    LWLock lock;
    Partition::State state;
    std::atomic<std::uint64_t> hits;
    std::atomic<std::uint64_t> misses;
    std::atomic<std::uint64_t> outdated;  // misses that found an entry with other versions
    std::atomic<std::uint64_t> fills;
};

/// Counts that belong to no partition.  There are kTallies of them, so that sessions do not all write to one cache
/// line.
struct alignas(128) Tally {
    std::atomic<std::uint64_t> refused;
    std::atomic<std::uint64_t> bypassed[kBypasses];
};
inline constexpr int kTallies = 16;

/// Asks the server for the memory.  REQUIRES: the library is being preloaded.
void reserve_memory();

/// Returns whether the memory exists: the library is preloaded, and white_cross.cache_memory is not 0.
bool is_available() noexcept;

/// Returns the id that the server assigns next, or was to assign next a moment ago.  Takes no lock.
Xid next_xid() noexcept;

/// Returns the floor: transactions before it may be missing from the registers.
///
/// REQUIRES: is_available(), and the server is not in recovery.
Xid floor_xid();

/// Returns the hash of a student of this database.  `student`: the text of the id.
std::uint64_t hash_of(std::string_view student) noexcept;

/// The register, partition and counts of a student's hash, or of this session.
///
/// REQUIRES, for each of these functions: is_available().
Register &register_of(std::uint64_t hash) noexcept;
Register &register_of_all() noexcept;
Shelf &shelf_of(std::uint64_t hash) noexcept;
Partition partition_of(std::uint64_t hash) noexcept;
Tally &tally() noexcept;

/// For the statistics, which sum up all of them.  REQUIRES: is_available().
int shelf_count() noexcept;
Shelf &shelf(int number) noexcept;
Tally &tally(int number) noexcept;
std::uint64_t memory_for_entries() noexcept;
bool is_floor_known() noexcept;

/// Enters a transaction into the register of a student, or into that of all students.  REQUIRES: is_available().
void enter_student(std::string_view student, Xid xid) noexcept;
void enter_all(Xid xid) noexcept;

}  // namespace wc::warm
