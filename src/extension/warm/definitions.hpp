// What the text of a summary depends on beside rows, and whether the registers learn of every change of these rows.
#pragma once
#include "core/warm/partition.hpp"
#include "core/warm/snapshot.hpp"
#include "extension/warm/memory.hpp"

namespace wc::warm {

/// What the session knows about the three tables of a summary, for the current role.
///
/// The shape is a digest of everything by which the same rows could give another text: the database, the tables and
/// their files, the numbers, types and collations of columns, and the labels of enums.  Our triggers are in it too, so
/// a text that was kept before a trigger was disabled is not found after the trigger is enabled again.
struct Definitions {
    bool may_be_cached;
    Bypass reason;  // why it may not be cached
    Shape shape;
    // The transactions that last changed the tables and triggers.  A snapshot that does not see all of them is older
    // than a definition: rows may have changed in between without a trigger.
    static constexpr int kMostMakers = 9;
    Xid makers[kMostMakers];
    int maker_count;
    Xid latest_maker;

    bool are_seen_by(const Snapshot &snapshot) const noexcept
    {
        if (latest_maker < snapshot.xmin)
            return true;
        for (int i = 0; i < maker_count; ++i) {
            if (!snapshot.sees(makers[i]))
                return false;
        }
        return true;
    }
};

/// Returns the definitions of the tables that the current read has locked.  What it found earlier is kept until an
/// invalidation message of the server says that something may have changed.
///
/// REQUIRES: the current read began with lock_tables of students, health records and allergies, which accepts the
/// messages of changes that have committed.
const Definitions &current_definitions();

/// Returns how many invalidation messages concerned a definition.  While the number is the same, definitions are valid.
std::uint64_t count_of_changes() noexcept;

/// Registers for the invalidation messages.  REQUIRES: called once, while the library is loaded (_PG_init).
void watch_definitions();

}  // namespace wc::warm
