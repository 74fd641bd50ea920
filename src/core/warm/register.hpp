// Which transactions changed the students that share a register.
//
// Why a cached value is never wrong:
//
// A transaction enters itself into the register of each student that it changed *before* its commit can be seen.  Let E
// be the snapshot that a value was built with, and S the snapshot of a reader.
//
//  - Fill: the builder keeps a value only if E sees all transactions of the register.  The entry keeps the register's
//    version.
//  - Use: the reader takes the value only if the register still has that version, and S sees all of its transactions
//  too.
//
// A wrong answer needs a transaction T that changed the student, and that exactly one of E and S sees.
//
//  - S sees T: T entered itself before S was taken, so before the reader looked.  T is in the register, which still has
//    the version of the fill, so E sees T as well.
//  - E sees T: T entered itself before the builder looked, so T is in the register that the reader finds.  Either S
//  sees
//    T, or the reader refuses the value.
//
// The server's lock around its list of running transactions orders the memory: T enters itself before it takes that
// lock to commit, and S is taken under that lock.
//
// A register holds the five highest ids one by one, and of all the others only the highest.  A snapshot is taken to see
// the others only if that highest one is below its xmin.  This costs hits, but never makes an answer wrong.  Students
// that share a register cost hits too.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/warm/snapshot.hpp"

namespace wc::warm {

/// One cache line of shared memory.  All zeros is a register without transactions.  Thread-safe, also between
/// processes.
struct alignas(64) Register {
    static constexpr int kLatest = 5;
    std::atomic<std::uint64_t> version{0};  // odd while a writer is in it
    std::atomic<Xid> older{0};              // the highest id that is not in `latest`; 0: none
    std::atomic<Xid> latest[kLatest]{};     // in descending order; 0: none
};
static_assert(sizeof(Register) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

/// A register as it was at one moment.
struct Reading {
    bool is_whole;  // false: a writer was in the register, and the other members mean nothing
    std::uint64_t version;
    Xid older;
    Xid latest[Register::kLatest];
};

/// Reads a register.  Never waits: see Reading::is_whole.
Reading read(const Register &from) noexcept;

/// Returns whether the snapshot sees all transactions of the register.  False for a reading that is not whole.
bool sees_all(const Snapshot &snapshot, const Reading &of) noexcept;

/// Enters a transaction.  `pause` is called, any number of times, while another writer is in the register.
///
/// REQUIRES: nothing interrupts the caller.  If the version stayed odd, the register would never be read again.
template <class Pause>
void enter(Register &into, Xid xid, Pause pause) noexcept
{
    std::uint64_t version = into.version.load(std::memory_order_relaxed);
    while ((version & 1) != 0 || !into.version.compare_exchange_weak(version, version + 1, std::memory_order_acquire,
                                                                     std::memory_order_relaxed)) {
        pause();
        version = into.version.load(std::memory_order_relaxed);
    }
    // A reader that sees one of the stores below also sees the odd version.
    std::atomic_thread_fence(std::memory_order_release);
    Xid moving = xid;
    for (std::atomic<Xid> &place : into.latest) {
        Xid const there = place.load(std::memory_order_relaxed);
        if (there == moving) {
            moving = 0;
            break;
        }
        if (there < moving) {
            place.store(moving, std::memory_order_relaxed);
            moving = there;
        }
    }
    if (moving > into.older.load(std::memory_order_relaxed))
        into.older.store(moving, std::memory_order_relaxed);
    into.version.store(version + 2, std::memory_order_release);
}

}  // namespace wc::warm
