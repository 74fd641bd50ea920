#include "redis/store.hpp"

namespace wc::redis {

std::vector<bool> Store::fill(std::span<const app::Entry> entries)
{
    for (auto const &entry : entries)
        connection_.append(
            {"FCALL", "wc_fill", "1", entry.key, entry.value, std::to_string(entry.ttl_seconds), entry.snapshot});
    connection_.flush();
    std::vector<bool> stored;
    stored.reserve(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
        stored.push_back(connection_.read().integer() == 1);
    return stored;
}

std::vector<std::string> Store::missing(std::span<const std::string> students)
{
    for (auto const &student : students)
        connection_.append({"EXISTS", cache::key(student, cache::Kind::HealthSummary, form_)});
    connection_.flush();
    std::vector<std::string> absent;
    for (auto const &student : students)
        if (connection_.read().integer() == 0)
            absent.push_back(student);
    return absent;
}

}  // namespace wc::redis
