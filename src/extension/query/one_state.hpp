// Statements that make up one answer, and must all read the same partitions.
//
// PostgreSQL attaches a partition, or a child that inherits, without waiting for those who read the table.  A statement
// that is planned afterwards reads its rows, with whatever snapshot: a page would show no record, and count those of
// the partition.
#pragma once
#include <initializer_list>

#include "extension/binding/entity.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// The descendants of some tables of the current read, as they are now.
class Descendants {
public:
    explicit Descendants(std::initializer_list<Entity> entities);

    /// Whether every statement since has read these.
    bool are_steady(std::initializer_list<Entity> entities) const;

private:
    List *tables_;
    std::uint64_t changes_;
};

/// Raises 40001: descendants came or went at each of so many tries.
[[noreturn]] void report_unsteady(int tries);

/// Calls `read`, which runs several statements on these tables, and calls it again when a descendant came or went
/// meanwhile.
///
/// Errors: 40001 when each time one did.
template <class Read>
void read_one_state(std::initializer_list<Entity> entities, Read read)
{
    constexpr int kTries = 20;
    for (int i = 0; i < kTries; ++i) {
        Descendants const descendants(entities);
        read();
        if (descendants.are_steady(entities))
            return;
        CHECK_FOR_INTERRUPTS();
    }
    report_unsteady(kTries);
}

/// Called once, when the library is loaded.
void watch_descendants();

}  // namespace wc
