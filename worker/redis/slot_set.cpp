#include "redis/slot_set.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/text/number.hpp"

namespace wc::redis {

bool add_slots(SlotSet &slots, std::string_view range)
{
    auto const dash = std::min(range.find('-'), range.size());
    auto const first = parse_number<std::size_t>(range.substr(0, dash));
    auto const last = dash == range.size() ? first : parse_number<std::size_t>(range.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= slots.size())
        return false;
    for (auto slot = *first; slot <= *last; ++slot)
        slots.set(slot);
    return true;
}

std::string describe(const SlotSet &slots)
{
    std::string text;
    for (std::size_t first = 0; first < slots.size(); ++first) {
        if (!slots[first])
            continue;
        auto last = first;
        while (last + 1 < slots.size() && slots[last + 1])
            ++last;
        text += (text.empty() ? "" : ",") + std::to_string(first);
        if (last > first)
            text += "-" + std::to_string(last);
        first = last;
    }
    return text;
}

SlotSet parse_slots(std::string_view text)
{
    SlotSet slots;
    while (!text.empty()) {
        auto const comma = std::min(text.find(','), text.size());
        if (!add_slots(slots, text.substr(0, comma)))
            throw std::invalid_argument("not a list of slots");
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return slots;
}

}  // namespace wc::redis
