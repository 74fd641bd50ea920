#include "keeper/servers.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "config/loader.hpp"

namespace wc {
namespace {

using std::chrono::milliseconds;

// Figures that come later are not shown any more.
constexpr milliseconds kPatienceOfLooks{5000};

template <class Parse>
auto checked(const std::string &key, Parse parse)
{
    try {
        return parse();
    } catch (const std::invalid_argument &error) {
        throw config::ConfigError(key + error.what());
    }
}

// A whole batch of queue.batch_students, as a rule.
constexpr std::size_t kCallsToTarget = 128;

std::vector<RedisServer> redis_of(const config::Config &config)
{
    std::vector<RedisServer> all;
    for (auto const &[name, redis] : config.targets)
        all.push_back({name, checked("redis.target \"" + name + "\": ", [&] { return redis::parse_target(redis); })});
    for (auto &one : all)
        one.target.calls_per_flight = kCallsToTarget;
    if (all.empty())
        all.push_back({{}, checked("", [&] { return redis::parse_target(config.redis); })});
    return all;
}

// The first of several Redis has the stream of events.
void note_uses(std::vector<RedisServer> &all, const config::Config &config, bool cluster_keys)
{
    for (auto &one : all) {
        auto const &address = one.target.address;
        one.target.uses = redis::Uses{!address.nodes.empty(), config.redis.opaque_keys,
                                      cluster_keys ? cache::KeyForm::HashTag : cache::KeyForm::Plain,
                                      &one == &all.front() ? config.events.stream : std::string(), address.database};
    }
}

}  // namespace

Servers servers_of(const config::Config &config)
{
    Servers servers{
        checked("postgres.url: ", [&] { return pg::parse_target(config.postgres.url, config.postgres.password); }),
        {milliseconds(config.postgres.connection_timeout_ms), milliseconds(config.postgres.statement_timeout_ms), {}},
        redis_of(config),
        config.redis.cluster_keys};
    servers.cluster_keys = servers.cluster_keys || !servers.redis.front().target.address.nodes.empty();
    servers.postgres.worker = config.worker.name;
    note_uses(servers.redis, config, servers.cluster_keys);
    return servers;
}

Servers watched(Servers servers)
{
    servers.timeouts.statement = std::min(servers.timeouts.statement, kPatienceOfLooks);
    for (auto &one : servers.redis)
        one.target.timeout = std::min(one.target.timeout, kPatienceOfLooks);
    return servers;
}

}  // namespace wc
