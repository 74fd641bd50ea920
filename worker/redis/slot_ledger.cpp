#include "redis/slot_ledger.hpp"

#include <algorithm>
#include <stdexcept>

#include "redis/error.hpp"

namespace wc::redis {

void SlotLedger::load(app::Queue &queue, Time until)
{
    if (is_loaded_)
        return;
    try {
        for (auto const &served : queue.served_shards())
            slots_[served.process] = parse_slots(served.slots);
    } catch (const std::invalid_argument &) {
        // Somebody has written there.
        slots_.clear();
    }
    sum();
    for (std::size_t slot = 0; slot < cache::kSlots; ++slot)
        if (!all_[slot])
            held_until_[slot] = until;
    last_hold_ = all_.all() ? Time{} : until;
    is_loaded_ = true;
    is_stored_ = false;
}

SlotSet SlotLedger::of(const std::string &process) const
{
    auto const found = slots_.find(process);
    return found == slots_.end() ? SlotSet{} : found->second;
}

void SlotLedger::take(const std::string &process, const SlotSet &slots, Time until)
{
    auto const found = slots_.find(process);
    if (found == slots_.end() || (found->second & slots).none())
        return;
    auto const taken = found->second & slots;
    found->second &= ~slots;
    if (found->second.none())
        slots_.erase(found);
    for (std::size_t slot = 0; slot < cache::kSlots; ++slot)
        if (taken[slot])
            held_until_[slot] = std::max(held_until_[slot], until);
    last_hold_ = std::max(last_hold_, until);
    is_stored_ = false;
    sum();
}

void SlotLedger::give(const std::string &process, const SlotSet &slots)
{
    slots_[process] |= slots;
    is_stored_ = false;
    sum();
}

std::vector<std::string> SlotLedger::processes() const
{
    std::vector<std::string> names;
    for (auto const &[process, slots] : slots_)
        names.push_back(process);
    return names;
}

void SlotLedger::store(app::Queue &queue)
{
    if (is_stored_)
        return;
    std::vector<app::ServedShard> served;
    for (auto const &[process, slots] : slots_)
        served.push_back({process, describe(slots)});
    number_ = queue.serve_shards(served);
    is_stored_ = true;
}

void SlotLedger::sum()
{
    all_.reset();
    for (auto const &[process, slots] : slots_)
        all_ |= slots;
}

}  // namespace wc::redis
