#include "destinations/slow_call_list.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace wc::destinations {

std::vector<std::string> SlowCallList::add(const std::string &json)
{
    auto const list = nlohmann::ordered_json::parse(json, nullptr, false);
    if (!list.is_array())
        return {};
    std::vector<std::string> now;
    for (auto one = list.rbegin(); one != list.rend(); ++one)
        now.push_back(one->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    auto const before = std::exchange(before_, now);
    if (!before)
        return {};
    // Two calls may look alike, so each of the old ones stands for one of the new.
    auto old = *before;
    std::vector<std::string> fresh;
    for (auto &one : now) {
        auto const found = std::find(old.begin(), old.end(), one);
        if (found == old.end())
            fresh.push_back(std::move(one));
        else
            old.erase(found);
    }
    return fresh;
}

}  // namespace wc::destinations
