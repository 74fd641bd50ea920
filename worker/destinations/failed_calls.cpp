#include "destinations/failed_calls.hpp"

#include <nlohmann/json.hpp>

namespace wc::destinations {

std::vector<FailedCalls> FailedCallCounts::add(const std::string &json)
{
    auto const list = nlohmann::json::parse(json, nullptr, false);
    if (!list.is_array())
        return {};
    std::vector<FailedCalls> fresh;
    for (auto const &one : list) {
        if (!one.is_object() || !one.contains("function") || !one["function"].is_string() ||
            !one.contains("errorsByClass") || !one["errorsByClass"].is_object())
            continue;
        auto const function = one["function"].get<std::string>();
        for (auto const &[error_class, value] : one["errorsByClass"].items()) {
            if (!value.is_number_integer())
                continue;
            auto const now = value.get<std::int64_t>();
            auto &before = before_[{function, error_class}];
            // Fewer than before: the database counts from zero again.
            auto const more = now >= before ? now - before : now;
            before = now;
            if (more > 0 && !is_first_)
                fresh.push_back({function, error_class, more});
        }
    }
    is_first_ = false;
    return fresh;
}

}  // namespace wc::destinations
