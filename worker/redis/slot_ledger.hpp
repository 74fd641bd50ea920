// Which process of a Redis Cluster is trusted with which slots: what the database notes, and what follows from it.
//
// A slot is trusted to at most one process.  While it is trusted to none, changes of its students wait until no reader
// can be answered by the process that had it before; then they need nothing to be removed: whoever gets the slot is
// trusted with it only after all that is cached in it was removed, and stores nothing that is older than that.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "app/queue.hpp"
#include "process/clock.hpp"
#include "redis/slot_set.hpp"

namespace wc::redis {

/// For one thread.  What it says holds once `store` has returned.
class SlotLedger {
public:
    /// Reads it at the first call.  No slot that it does not name is acknowledged before `until`.
    void load(app::Queue &queue, Time until);
    bool is_loaded() const noexcept { return is_loaded_; }

    SlotSet of(const std::string &process) const;
    /// Those that are trusted to anybody.
    const SlotSet &trusted() const noexcept { return all_; }
    /// Changes in the slot are not acknowledged before.
    Time held_until(std::size_t slot) const { return held_until_[slot]; }
    /// Until when the last of them is held; Time{}: none is.
    Time last_hold() const noexcept { return last_hold_; }

    /// Takes slots from the process.  Whoever has had them may answer readers until `until`.
    void take(const std::string &process, const SlotSet &slots, Time until);
    void give(const std::string &process, const SlotSet &slots);
    /// Of all processes.
    std::vector<std::string> processes() const;
    /// Tells the database, unless it knows.
    void store(app::Queue &queue);
    /// Grows with each `store`.
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
