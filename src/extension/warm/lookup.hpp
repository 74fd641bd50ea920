// Finds summaries in shared memory, and keeps new ones there.
#pragma once
#include "extension/warm/definitions.hpp"

namespace wc::warm {

/// What find() learnt about one student, for the keep() that follows when the summary is built.
struct Probe {
    bool may_keep = false;
    std::uint64_t hash = 0;
    Versions versions{};
    std::string_view id;
};

/// Serves one call of a SQL function, which reads one or many summaries with one snapshot.
class Lookup {
public:
    /// Decides whether this call may use the cache, and counts the reason if it may not.
    ///
    /// REQUIRES: the caller has locked the tables of a summary (lock_tables), and reads with the active snapshot.
    Lookup();

    /// Returns a student's summary, a text in the current memory context.  It has the same bytes as a summary that is
    /// built with the snapshot, role and settings of this call.  Returns 0 if the caller must build it.  `id` has the
    /// type of the students' id column.
    ///
    /// REQUIRES: the memory that `id` points to lives until keep().
    Datum find(Datum id, Probe &probe);

    /// Keeps a summary, unless find() or a later change forbids it.
    ///
    /// REQUIRES: find() returned 0 for `probe`, and the summary was built with the same snapshot.
    void keep(const Probe &probe, Datum summary);

private:
    bool decide(Bypass &reason);
    void count_bypass(Bypass reason);

    bool is_used_ = false;
    Oid id_type_ = InvalidOid;
    Shape shape_{};
    std::uint64_t changes_ = 0;  // count_of_changes() of the definitions that are used
    Snapshot snapshot_{};
};

}  // namespace wc::warm
