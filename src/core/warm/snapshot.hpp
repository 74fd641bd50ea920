// What a snapshot of PostgreSQL sees, with transaction ids of 64 bits, which are never used again.
#pragma once
#include <cstdint>

namespace wc::warm {

/// A top-level transaction id with its epoch.  0: none.
using Xid = std::uint64_t;

/// Returns the 64-bit form of a 32-bit id.  `next`: the id that the server assigns next, or was to assign next a moment
/// ago.
///
/// REQUIRES: the id is less than 2^31 before or after `next`.  PostgreSQL ensures that for normal ids.
constexpr Xid widen(std::uint32_t xid, Xid next) noexcept
{
    auto const distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(next));
    return next + static_cast<Xid>(std::int64_t{distance});
}

/// The part of a snapshot that concerns top-level transactions.  `running` points into the server's own snapshot.
struct Snapshot {
    Xid xmin;                      // all transactions before it had finished
    Xid xmax;                      // this transaction and all after it had not begun
    const std::uint32_t *running;  // the 32-bit ids in between that had not finished, in no order
    std::uint32_t running_count;

    /// Returns whether the transaction had finished, by commit or rollback, when the snapshot was taken.
    bool sees(Xid xid) const noexcept
    {
        if (xid < xmin)
            return true;
        if (xid >= xmax)
            return false;
        auto const wanted = static_cast<std::uint32_t>(xid);
        for (std::uint32_t i = 0; i < running_count; ++i) {
            if (running[i] == wanted)
                return false;
        }
        return true;
    }
};

}  // namespace wc::warm
