#include "redis/student_key.hpp"

#include <algorithm>
#include <iterator>

#include "core/protocol/key.hpp"

namespace wc::redis {
namespace {

constexpr std::string_view kStart = cache::kKeyStart, kRecords = ":records:";

std::string_view without_braces(std::string_view id) noexcept
{
    return id.size() > 2 && id.front() == '{' && id.back() == '}' ? id.substr(1, id.size() - 2) : id;
}

// Whether a word follows the last colon of a key that is not a page's.  Filters are JSON and never end in such a word.
bool is_name(std::string_view word) noexcept
{
    constexpr std::string_view kNames[] = {cache::name(cache::Kind::HealthSummary),
                                           cache::name(cache::Kind::GrowthChart), cache::kPages, cache::kFence};
    return std::find(std::begin(kNames), std::end(kNames), word) != std::end(kNames);
}

}  // namespace

std::optional<StudentKey> parse_student_key(std::string_view key) noexcept
{
    if (!key.starts_with(kStart))
        return std::nullopt;
    key.remove_prefix(kStart.size());
    auto colon = key.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    // Filters contain colons, so search a page's `:records:` from the front.
    if (auto const records = key.find(kRecords); records != std::string_view::npos && !is_name(key.substr(colon + 1)))
        colon = records;
    return StudentKey{without_braces(key.substr(0, colon)), key.substr(colon + 1)};
}

std::vector<std::string_view> page_owners(std::string_view key)
{
    std::vector<std::string_view> owners;
    if (!key.starts_with(kStart))
        return owners;
    key.remove_prefix(kStart.size());
    for (auto at = key.find(kRecords); at != std::string_view::npos; at = key.find(kRecords, at + 1))
        owners.push_back(without_braces(key.substr(0, at)));
    return owners;
}

std::string_view name_in_prefix(std::string_view prefix) noexcept
{
    return without_braces(prefix.substr(kStart.size(), prefix.size() - kStart.size() - 1));
}

}  // namespace wc::redis
