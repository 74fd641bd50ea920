#include "redis/key_names.hpp"

#include <algorithm>

#include "config/key_secrets.hpp"
#include "config/loader.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

constexpr std::string_view kTagged = " tagged", kOpaque = " opaque:";

std::vector<std::string> split(std::string_view text)
{
    std::vector<std::string> parts;
    while (!text.empty()) {
        auto const end = std::min(text.find(','), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

}  // namespace

KeyNames::KeyNames(const config::Redis &config, bool in_cluster)
    : form_(in_cluster || config.cluster_keys ? cache::KeyForm::HashTag : cache::KeyForm::Plain)
{
    if (!config.opaque_keys)
        return;
    try {
        secrets_ = config::read_key_secrets(config.key_secret_file);
    } catch (const config::ConfigError &error) {
        throw KeyError(error.what());
    }
    for (auto const &secret : secrets_)
        fingerprints_.emplace_back(secret.fingerprint().view());
    std::sort(fingerprints_.begin(), fingerprints_.end());
}

std::vector<std::string> KeyNames::names(std::string_view student) const
{
    if (secrets_.empty())
        return {std::string(student)};
    std::vector<std::string> names;
    for (auto const &secret : secrets_)
        names.emplace_back(secret.id_of(student).view());
    return names;
}

std::vector<std::string> KeyNames::prefixes(std::string_view student) const
{
    auto prefixes = names(student);
    for (auto &name : prefixes)
        name = cache::student_prefix(name, form_);
    return prefixes;
}

std::string KeyNames::prefix(std::string_view student, std::size_t secret) const { return prefixes(student)[secret]; }

std::vector<app::Event> KeyNames::named(std::span<const app::Event> events) const
{
    std::vector<app::Event> named(events.begin(), events.end());
    for (auto &event : named)
        if (event.student != app::kEverybody)
            event.student = names(event.student).front();
    return named;
}

std::string KeyNames::epoch_part() const
{
    std::string part;
    for (auto const &fingerprint : fingerprints_)
        part.append(part.empty() ? kOpaque : ",").append(fingerprint);
    return part.append(form_ == cache::KeyForm::HashTag ? kTagged : "");
}

bool KeyNames::include(std::string_view epoch_part) const
{
    auto const tag = form_ == cache::KeyForm::HashTag ? kTagged : std::string_view();
    if (!are_opaque() || !epoch_part.starts_with(kOpaque) || !epoch_part.ends_with(tag))
        return false;
    epoch_part.remove_prefix(kOpaque.size());
    epoch_part.remove_suffix(tag.size());
    auto const others = split(epoch_part);
    return std::includes(fingerprints_.begin(), fingerprints_.end(), others.begin(), others.end());
}

KeyNames KeyNames::of_given_names() const
{
    auto names = *this;
    names.secrets_.clear();
    return names;
}

void KeyNames::require(const config::Config &config, bool in_cluster, std::string_view database) const
{
    if (are_opaque() && KeyNames(config.redis, in_cluster).fingerprints_ != fingerprints_)
        throw IoError("the secrets of redis.key_secret_file are others now: connects anew");
    if (!are_opaque() && !database.empty())
        throw KeyError(
            "the database has white_cross.opaque_keys = on, and this worker redis.opaque_keys = false: it would not "
            "find the keys of any student");
    if (are_opaque() && database.empty())
        throw KeyError(
            "this worker has redis.opaque_keys = true, and the database white_cross.opaque_keys = off: it would not "
            "find the keys of any student");
    auto const of_new_keys = split(database);
    if (are_opaque() && !std::binary_search(fingerprints_.begin(), fingerprints_.end(), of_new_keys.front()))
        throw KeyError("redis.key_secret_file lacks the secret " + of_new_keys.front() +
                       ", with which the database makes keys: it would not find the keys of any student");
}

}  // namespace wc::redis
