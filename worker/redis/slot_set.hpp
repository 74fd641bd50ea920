// A set of slots of a Redis Cluster.
#pragma once
#include <bitset>
#include <string>
#include <string_view>

#include "core/protocol/slot.hpp"

namespace wc::redis {

using SlotSet = std::bitset<cache::kSlots>;

/// Adds `SLOT` or `FIRST-LAST`.  False, and nothing is added, if the text is anything else.
bool add_slots(SlotSet &slots, std::string_view range);

/// Returns `FIRST-LAST,SLOT,...` in ascending order; empty for no slot.
std::string describe(const SlotSet &slots);

/// Reads what `describe` returns.  Throws std::invalid_argument.
SlotSet parse_slots(std::string_view text);

}  // namespace wc::redis
