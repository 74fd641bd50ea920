#include "config/guide.hpp"

#include <string_view>

namespace wc::config {
namespace {

struct Replaced {
    std::string_view variable, instead;
};

constexpr Replaced kReplaced[] = {
    {"WORKER_POOL_SIZE",
     "the worker has no pool of threads for computing, PostgreSQL computes; DB_POOL_MAX bounds the "
     "connections that rebuild values"},
    {"WORKER_TASK_TIMEOUT", "postgres.statement_timeout_ms bounds each statement"},
    {"ENABLE_WORKER_THREADS", "BMI and growth are functions of SQL, which need no worker threads"},
    {"USE_OPTIMIZED_SERVICE", "there is one way to read a summary, and it is the fast one"},
};

bool is_on(const Environment &environment, std::string_view name)
{
    auto const value = environment(name);
    return value && (*value == "true" || *value == "1" || *value == "yes" || *value == "on");
}

// `redis://user:password@host`: a user stands before the colon.
bool names_user(std::string_view url)
{
    auto const begin = url.find("://");
    auto const end = url.rfind('@');
    return begin != std::string_view::npos && end != std::string_view::npos && end > begin + 3 && url[begin + 3] != ':';
}

void check_variables(const std::string &where, const Redis &redis, const Environment &environment)
{
    if (is_on(environment, "REDIS_TLS_ENABLED") && (redis.url.starts_with("redis:") || redis.url.starts_with("redis+")))
        throw ConfigError("REDIS_TLS_ENABLED is on and " + where + ".url has no TLS: begin the URL with rediss://");
    if (is_on(environment, "REDIS_ACL_ENABLED") && redis.user.empty() && !names_user(redis.url))
        throw ConfigError("REDIS_ACL_ENABLED is on and no user is named: set " + where + ".user or name it in " +
                          where + ".url");
}

}  // namespace

std::vector<std::string> replaced_variables(const Config &config, const Environment &environment)
{
    if (config.redis.enabled && config.targets.empty())
        check_variables("redis", config.redis, environment);
    for (auto const &[name, redis] : config.targets)
        if (config.redis.enabled)
            check_variables("redis.target", redis, environment);
    std::vector<std::string> sentences;
    auto const protocol = environment("OTEL_EXPORTER_OTLP_PROTOCOL");
    if (protocol && !protocol->empty() && *protocol != "http/json" && !config.otlp.endpoint.empty())
        sentences.emplace_back(
            "OTEL_EXPORTER_OTLP_PROTOCOL: the worker sends http/json, which receivers take at the address of "
            "http/protobuf");
    if (!config.webhook.url.empty() && config.webhook.secret.empty())
        sentences.emplace_back(
            "webhook.url is set and webhook.secret is not: messages carry no signature, and their receiver cannot "
            "tell them from others'");
    for (auto const &[variable, instead] : kReplaced)
        if (auto const value = environment(variable); value && !value->empty())
            sentences.push_back(std::string(variable) + ": " + std::string(instead));
    return sentences;
}

}  // namespace wc::config
