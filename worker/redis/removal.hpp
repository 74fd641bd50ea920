// Removes stale values of many students, so that one student that Redis refuses does not stop the others.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cache.hpp"
#include "core/protocol/key.hpp"
#include "redis/connection.hpp"

namespace wc::redis {

/// A student of a batch, as arguments of wc_invalidate.
struct Stale {
    std::size_t change;  ///< index into the batch
    app::KindSet kinds;
    std::string prefix;
    std::string xids;  ///< for this student's fence; empty: the fence of all students has them
};

/// What remove_stale found.  A place is an index into its argument `students`.
struct Removal {
    std::vector<app::KindSet> existed;
    std::size_t misfits = 0;              ///< keys of ours that had another type, put there by somebody else
    std::vector<std::size_t> lost_pages;  ///< students whose set of pages is lost: pages may still be cached
    std::vector<std::pair<std::size_t, std::string>> rejected;
    std::vector<std::size_t> elsewhere;  ///< students whose slot of the cluster is not, or not wholly, on this node
    bool has_noted_seen = false;
};

/// Calls wc_invalidate for 64 students at a time.  If Redis refuses a call, repeats it for each half of its students,
/// until a refused call has one student.  Then replaces that student's fence and pages as misfits.  If Redis refuses
/// this too, and accepts a probe for a student that does not exist, reports the student as rejected.  Throws ReplyError
/// if Redis refuses the probe or refuses every key.
///
/// `calls_per_flight`: see Target.
///
/// `in_cluster`: calls have one student each, since the keys of several are not in one slot.
///
/// `seen`, unless it is empty, is the snapshot of all that the worker has drained with these students.  It is sent if
/// one call suffices for all of them, and noted if that call leaves nothing to do.
Removal remove_stale(Connection &connection, std::span<const Stale> students, const std::string &fence_life_ms,
                     cache::KeyForm form, std::string_view seen,
                     std::size_t calls_per_flight = Target{}.calls_per_flight, bool in_cluster = false);

}  // namespace wc::redis
