#include "config/target_list.hpp"

#include <algorithm>
#include <set>

#include "config/loader.hpp"

namespace wc::config {
namespace {

constexpr std::string_view kKeys[] = {"url",         "user",          "password",     "password_file",
                                      "tls_ca_file", "tls_cert_file", "tls_key_file", "timeout_ms"};

// A name is a label of metrics and a name in the database; more targets than this are a mistake.
constexpr std::size_t kLongestName = 40;
constexpr std::size_t kMost = 16;

bool is_name(std::string_view name)
{
    return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

bool moves(std::string_view url) { return url.starts_with("redis+") || url.starts_with("rediss+"); }

}  // namespace

bool is_key_of_target(std::string_view key) noexcept
{
    return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

std::string keys_of_target()
{
    std::string names = "name";
    for (auto const key : kKeys)
        names.append(", ").append(key);
    return names;
}

void check_targets(const Config &config)
{
    if (config.targets.empty())
        return;
    if (config.targets.size() > kMost)
        throw ConfigError("redis.target: at most " + std::to_string(kMost));
    if (config.redis.url != Redis{}.url)
        throw ConfigError(
            "redis.url, or REDIS_URL of the environment, and [[redis.target]] exclude each other: name that Redis in a "
            "[[redis.target]]");
    std::set<std::string> names, urls;
    for (auto const &[name, redis] : config.targets) {
        if (!is_name(name))
            throw ConfigError("redis.target.name: 1 to " + std::to_string(kLongestName) +
                              " letters, digits, hyphens or underscores");
        auto const who = "redis.target \"" + name + "\": ";
        if (!names.insert(name).second)
            throw ConfigError(who + "there are two of this name");
        if (redis.url.empty())
            throw ConfigError(who + "lacks a url");
        if (!urls.insert(redis.url).second)
            throw ConfigError(who + "another target has the same url");
        if (moves(redis.url))
            throw ConfigError(who +
                              "Sentinels and clusters are not supported as one of several Redis: give it the address "
                              "of one Redis, or run a worker with redis.url alone");
        if (redis.password.empty() && !redis.password_file.empty())
            read_password(redis.password_file);
    }
}

std::string describe_targets(const Config &config, bool mask)
{
    std::string out;
    for (auto const &[name, redis] : config.targets) {
        Config one;
        one.redis = redis;
        out += "\n[[redis.target]]\nname = \"" + name + "\"\n";
        for (auto const key : kKeys)
            out.append(key).append(" = ").append(show(*find_setting("redis." + std::string(key)), one, mask) + "\n");
    }
    return out;
}

}  // namespace wc::config
