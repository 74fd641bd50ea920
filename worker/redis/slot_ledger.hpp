// Which process of a Redis Cluster is trusted with which slots: what the database notes, and what follows from it.
//
// At most one process is trusted with a slot.  While none is, changes of its students wait until the process that had
// it before cannot answer readers any more.  After that, nothing need be removed for these changes: the next process is
// trusted with the slot only after all values in it were removed, and stores none that is older than that.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "app/queue.hpp"
#include "process/clock.hpp"
#include "redis/slot_set.hpp"

namespace wc::redis {

/// For one thread.  Changes of the ledger are in force once `store` has returned.
class SlotLedger {
public:
    /// Reads the ledger from the database at the first call.  Changes in slots that it does not name are not
    /// acknowledged before `until`.
    void load(app::Queue &queue, Time until);
    bool is_loaded() const noexcept { return is_loaded_; }

    SlotSet of(const std::string &process) const;
    /// The slots with which some process is trusted.
    const SlotSet &trusted() const noexcept { return all_; }
    /// Returns the time before which changes in the slot are not acknowledged.
    Time held_until(std::size_t slot) const { return held_until_[slot]; }
    /// Returns the latest such time of all slots; Time{} if there is none.
    Time last_hold() const noexcept { return last_hold_; }

    /// Takes slots from the process, which may answer readers until `until`.
    void take(const std::string &process, const SlotSet &slots, Time until);
    void give(const std::string &process, const SlotSet &slots);
    /// Returns all processes that are trusted with slots.
    std::vector<std::string> processes() const;
    /// Writes the ledger to the database if it has changed.
    void store(app::Queue &queue);
    /// The number of the ledger in the database; it grows with each `store`.
    const std::string &number() const noexcept { return number_; }

private:
    void sum();

    std::map<std::string, SlotSet> slots_;
    SlotSet all_;
    std::array<Time, cache::kSlots> held_until_{};
    Time last_hold_{};
    std::string number_ = "0";
    bool is_loaded_ = false, is_stored_ = true;
};

}  // namespace wc::redis
