#include "keeper/connecting.hpp"

#include <sysexits.h>

#include <cstdio>
#include <cstdlib>

#include "pg/connection.hpp"
#include "pg/error.hpp"
#include "process/printable.hpp"
#include "redis/cluster_watch.hpp"
#include "redis/error.hpp"
#include "redis/refusal.hpp"
#include "redis/sentinel.hpp"

namespace wc {
namespace {

void say(const std::string &server, const std::string &sentence)
{
    std::fprintf(stderr, "%s\n", printable(server + ": " + sentence).c_str());
}

int status_of(const Failure &failure) { return failure.cause() == Cause::NoRights ? EX_NOPERM : EX_UNAVAILABLE; }

// Of two servers in trouble, a login or a right can be given at once.
int worse(int one, int other) { return one == EX_NOPERM || other == EXIT_SUCCESS ? one : other; }

template <class Act>
int attempt(const std::string &server, Act act)
{
    try {
        auto const complaint = act();
        say(server, complaint.empty() ? "connected; the user has all rights that the worker needs" : complaint);
        return complaint.empty() ? EXIT_SUCCESS : EX_NOPERM;
    } catch (const Failure &failure) {
        say(server, failure.what());
        return status_of(failure);
    }
}

// To the server itself, or to the master that Sentinels name.
int try_redis(const std::string &name, const redis::Target &target)
{
    return attempt(name + redis::describe(target.address), [&] {
        auto connection = redis::connect(target);
        return redis::describe_missing_rules(redis::join(redis::missing_rules(connection, *target.uses)));
    });
}

// Each node has users of its own.
int try_cluster(const std::string &name, const redis::Target &target)
{
    try {
        redis::ClusterWatch const watch(target);
        int status = EXIT_SUCCESS;
        for (auto const &master : watch.wait_for_masters())
            status = worse(status, try_redis(name, redis::node_of(target, master.endpoint)));
        return status;
    } catch (const redis::Error &error) {
        say(name + redis::describe(target.address), error.what());
        return status_of(error);
    }
}

int try_postgres(const Servers &servers)
{
    try {
        pg::Connection connection(servers.postgres, servers.timeouts, "check");
        connection.run("SELECT FROM white_cross.invalidation LIMIT 1");
        say("postgres", "connected");
        return EXIT_SUCCESS;
    } catch (const pg::Error &error) {
        say("postgres", error.what());
        return status_of(error);
    }
}

}  // namespace

int try_servers(const config::Config &config, const Servers &servers)
{
    int status = try_postgres(servers);
    for (auto const &one : servers.redis) {
        if (!config.redis.enabled)
            break;
        auto const name = one.name.empty() ? std::string("redis ") : "redis.target \"" + one.name + "\" ";
        status = worse(status,
                       one.target.address.nodes.empty() ? try_redis(name, one.target) : try_cluster(name, one.target));
    }
    return status;
}

}  // namespace wc
