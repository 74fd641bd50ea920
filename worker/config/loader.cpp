#include "config/loader.hpp"

#include <toml++/toml.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "config/datagram_address.hpp"
#include "config/header_list.hpp"
#include "config/key_secrets.hpp"
#include "config/sentry_dsn.hpp"
#include "config/setting.hpp"
#include "config/target_list.hpp"
#include "config/webhook_key.hpp"
#include "core/text/unbroken.hpp"
#include "process/printable.hpp"

namespace wc::config {
namespace {

// What cannot be guessed over the network.
constexpr std::size_t kShortestToken = 16;

// Of a name that an error shows.
constexpr std::size_t kLongestName = 100;

[[noreturn]] void refuse(std::string_view file, unsigned line, std::string_view what)
{
    throw ConfigError(std::string(file) + ":" + std::to_string(line) + ": " + std::string(what));
}

std::string names_in(std::string_view section)
{
    std::string names;
    for (auto const &setting : settings())
        if (setting.name.starts_with(std::string(section) + "."))
            names += (names.empty() ? "" : ", ") + std::string(setting.name.substr(section.size() + 1));
    return names;
}

std::string sections()
{
    std::string names, last;
    for (auto const &setting : settings()) {
        std::string const section(setting.name.substr(0, setting.name.find('.')));
        if (section != last)
            names += (names.empty() ? "[" : ", [") + section + "]";
        last = section;
    }
    return names;
}

bool set_from_node(const Setting &setting, Config &config, const toml::node &node)
{
    if (auto const value = node.as_boolean())
        return set(setting, config, value->get());
    if (auto const value = node.as_integer())
        return set(setting, config, value->get());
    if (auto const value = node.as_floating_point())
        return set(setting, config, value->get());
    if (auto const value = node.as_string())
        return set(setting, config, value->get());
    return false;
}

void set_key(Config &config, const std::string &name, const toml::key &key, const toml::node &value,
             std::string_view file, const std::string &others)
{
    auto const *setting = find_setting(name);
    if (!setting)
        refuse(file, key.source().begin.line, printable(name, kLongestName) + ": no such key; " + others);
    if (!set_from_node(*setting, config, value))
        refuse(file, key.source().begin.line, name + ": " + std::string(setting->allowed));
}

// Whoever logs in somewhere by himself takes no part of another login.
bool logs_in(const toml::table &table)
{
    auto const *url = table.get_as<std::string>("url");
    return table.contains("user") || table.contains("password") || table.contains("password_file") ||
           (url && url->get().find('@') != std::string::npos);
}

// REQUIRES: [redis] is read.
void read_target(Config &config, const toml::node &node, std::string_view file)
{
    auto const *table = node.as_table();
    if (!table)
        refuse(file, node.source().begin.line, "redis.target: [[redis.target]], with " + keys_of_target());
    Config one;
    one.redis = config.redis;
    one.redis.url.clear();
    if (logs_in(*table))
        one.redis.user = one.redis.password = one.redis.password_file = {};
    std::string name;
    for (auto const &[key, value] : *table) {
        if (key.str() == "name" && value.is_string()) {
            name = value.as_string()->get();
            continue;
        }
        auto const known = is_key_of_target(key.str()) ? "redis." + std::string(key.str())
                                                       : std::string("redis.target.") + std::string(key.str());
        set_key(one, known, key, value, file, "[[redis.target]] has " + keys_of_target());
    }
    config.targets.push_back({std::move(name), std::move(one.redis)});
}

void read_targets(Config &config, const toml::table &redis, std::string_view file)
{
    auto const *const node = redis.get("target");
    if (!node)
        return;
    auto const *const list = node->as_array();
    if (!list || list->empty())
        refuse(file, node->source().begin.line, "redis.target: [[redis.target]], with " + keys_of_target());
    for (auto const &one : *list)
        read_target(config, one, file);
}

}  // namespace

std::optional<std::string> process_environment(std::string_view name)
{
    const char *value = std::getenv(std::string(name).c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

Config parse(std::string_view text, std::string_view file)
{
    toml::table root;
    try {
        root = toml::parse(text, file);
    } catch (const toml::parse_error &error) {
        refuse(file, error.source().begin.line, printable(error.description()));
    }
    Config config;
    for (auto const &[section, node] : root) {
        auto const *table = node.as_table();
        if (!table || names_in(section.str()).empty())
            refuse(file, node.source().begin.line,
                   printable(section.str(), kLongestName) + ": no such section; there are " + sections());
        for (auto const &[key, value] : *table) {
            std::string const name = std::string(section.str()) + "." + std::string(key.str());
            if (name != "redis.target")
                set_key(config, name, key, value, file,
                        "[" + std::string(section.str()) + "] has " + names_in(section.str()));
        }
    }
    if (auto const *redis = root.get_as<toml::table>("redis"))
        read_targets(config, *redis, file);
    return config;
}

Config parse_file(const std::string &path) { return parse(read_file(path, "the configuration"), path); }

void apply_environment(Config &config, const Environment &environment)
{
    for (auto const &setting : settings()) {
        if (setting.environment.empty())
            continue;
        auto const value = environment(setting.environment);
        if (value && !value->empty() && !set_from_text(setting, config, *value))
            throw ConfigError("environment: " + std::string(setting.environment) + ": " + std::string(setting.allowed));
    }
}

namespace {

bool is_http(std::string_view url)
{
    for (std::string_view const scheme : {"http://", "https://"})
        if (url.starts_with(scheme) && url.size() > scheme.size())
            return is_unbroken(url);
    return false;
}

// No message has the value itself.
void require(bool is_good, std::string_view name)
{
    if (!is_good)
        throw ConfigError(std::string(name) + ": " + std::string(find_setting(name)->allowed));
}

// A key of the cache would be removed, and its text read as a value.
bool may_be_stream(std::string_view name)
{
    return is_unbroken(name) && name.find(' ') == name.npos && !name.starts_with("student:") &&
           !name.starts_with("wc:");
}

void complete_destinations(Config &config)
{
    if (config.destinations.longest_pause_ms < config.destinations.first_pause_ms)
        throw ConfigError(
            "destinations.longest_pause_ms: a whole number not under destinations.first_pause_ms, which is " +
            std::to_string(config.destinations.first_pause_ms));
    auto &webhook = config.webhook;
    if (webhook.secret.empty() && !webhook.secret_file.empty())
        webhook.secret = read_password(webhook.secret_file);
    require(webhook.url.empty() || is_http(webhook.url), "webhook.url");
    require(webhook.secret.empty() || webhook_key(webhook.secret), "webhook.secret");
    auto &otlp = config.otlp;
    if (otlp.headers.empty() && !otlp.headers_file.empty())
        otlp.headers = read_password(otlp.headers_file);
    require(otlp.endpoint.empty() || is_http(otlp.endpoint), "otlp.endpoint");
    auto const &agent = config.dogstatsd;
    require(agent.address.empty() || parse_datagram_address(agent.address), "dogstatsd.address");
    require(agent.tags.find_first_of("|#\n ") == std::string::npos, "dogstatsd.tags");
    require(config.sentry.dsn.empty() || parse_sentry_dsn(config.sentry.dsn), "sentry.dsn");
    require(header_lines(otlp.headers).has_value(), "otlp.headers");
}

}  // namespace

void complete(Config &config)
{
    if (config.postgres.pool_max < config.postgres.pool_min)
        throw ConfigError("postgres.pool_max: a whole number not under postgres.pool_min, which is " +
                          std::to_string(config.postgres.pool_min));
    if (config.backoff.longest_ms < config.backoff.first_ms)
        throw ConfigError("backoff.longest_ms: a whole number not under backoff.first_ms, which is " +
                          std::to_string(config.backoff.first_ms));
    if (config.worker.name.empty())
        throw ConfigError("worker.name: a text that is not empty");
    if (config.postgres.password.empty() && !config.postgres.password_file.empty())
        config.postgres.password = read_password(config.postgres.password_file);
    if (config.http.token.empty() && !config.http.token_file.empty())
        config.http.token = read_password(config.http.token_file);
    if (!config.http.token.empty() && config.http.token.size() < kShortestToken)
        throw ConfigError("http.token: a text of at least 16 characters");
    require(config.events.stream.empty() || may_be_stream(config.events.stream), "events.stream");
    complete_destinations(config);
    check_targets(config);
    // Each connection reads Redis's password anew; here check only that the file can be read.
    if (config.redis.password.empty() && !config.redis.password_file.empty())
        read_password(config.redis.password_file);
    if (config.redis.opaque_keys)
        read_key_secrets(config.redis.key_secret_file);
    if (config.redis.sentinel_password.empty() && !config.redis.sentinel_password_file.empty())
        read_password(config.redis.sentinel_password_file);
}

std::string read_file(const std::string &path, std::string_view purpose)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    // operator<< fails for an empty file, so test for one first.  A folder can be opened, and peek() fails.
    if (!in || (in.peek() != std::ifstream::traits_type::eof() && !(text << in.rdbuf())))
        throw ConfigError(path + ": " + std::string(purpose) + " cannot be read: " + std::strerror(errno));
    return text.str();
}

std::string read_password(const std::string &path)
{
    auto text = read_file(path, "the password file");
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.pop_back();
    return text;
}

Config load(const std::string &path, const Environment &environment)
{
    Config config = path.empty() ? Config{} : parse_file(path);
    apply_environment(config, environment);
    complete(config);
    return config;
}

std::string describe(const Config &config)
{
    std::string out;
    std::string_view last;
    for (auto const &setting : settings()) {
        auto const dot = setting.name.find('.');
        auto const section = setting.name.substr(0, dot);
        if (section != last)
            out += (last.empty() ? "[" : "\n[") + std::string(section) + "]\n";
        last = section;
        out += std::string(setting.name.substr(dot + 1)) + " = " + show(setting, config, true) + "\n";
    }
    return out + describe_targets(config, true);
}

std::vector<std::string_view> reload(Config &running, const Config &wanted)
{
    std::vector<std::string_view> need_restart;
    if (describe_targets(running, false) != describe_targets(wanted, false))
        need_restart.push_back("redis.target");
    for (auto const &setting : settings()) {
        if (show(setting, running, false) == show(setting, wanted, false))
            continue;
        if (!setting.live) {
            need_restart.push_back(setting.name);
            continue;
        }
        std::visit([&](auto where) { where(running) = where(const_cast<Config &>(wanted)); }, setting.where);
    }
    return need_restart;
}

}  // namespace wc::config
