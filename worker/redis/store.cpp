#include "redis/store.hpp"

#include "process/log.hpp"
#include "redis/error.hpp"
#include "redis/refusal.hpp"

namespace wc::redis {

std::vector<bool> Store::fill(std::span<const app::Entry> entries)
{
    if (watch_)
        watch_->check(connection_);
    for (auto const &entry : entries)
        connection_.append(
            {"FCALL", "wc_fill", "1", entry.key, entry.value, std::to_string(entry.ttl_seconds), entry.snapshot});
    connection_.flush();
    std::vector<bool> stored;
    stored.reserve(entries.size());
    std::string refusal;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto const answer = connection_.read_any();
        stored.push_back(!answer.is_error() && answer.integer() == 1);
        // Its slot has moved: no value of it can be stored here.
        if (answer.is_error() && is_elsewhere(answer.text()))
            continue;
        if (answer.is_error() && (refusal.empty() || refuses_everybody(answer.text())))
            refusal = answer.text();
    }
    // A value that Redis refuses for itself alone stays out of the cache, and the other values are stored.
    if (refuses_everybody(refusal))
        throw ReplyError(connection_.explain(refusal));
    if (!refusal.empty() && refusal != last_refusal_)
        log::warning("redis refuses to store a rebuilt value: {}", describe_refusal(refusal));
    last_refusal_ = refusal;
    return stored;
}

std::vector<std::string> Store::missing(std::span<const std::string> students)
{
    if (watch_)
        watch_->check(connection_);
    for (auto const &student : students)
        connection_.append({"EXISTS", keys_.prefix(student).append(cache::name(cache::Kind::HealthSummary))});
    connection_.flush();
    std::vector<std::string> absent;
    for (auto const &student : students) {
        auto const answer = connection_.read_any();
        if (answer.is_error() && !is_elsewhere(answer.text()))
            throw ReplyError(connection_.explain(answer.text()));
        if (!answer.is_error() && answer.integer() == 0)
            absent.push_back(student);
    }
    return absent;
}

}  // namespace wc::redis
