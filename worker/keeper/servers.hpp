// The servers that a worker connects to, as its configuration names them.
#pragma once
#include <string>
#include <vector>

#include "config/config.hpp"
#include "pg/connection.hpp"
#include "pg/target.hpp"
#include "redis/target.hpp"

namespace wc {

struct RedisServer {
    std::string name;  ///< empty: there is no other one
    redis::Target target;
};

struct Servers {
    pg::Target postgres;
    pg::Timeouts timeouts;
    std::vector<RedisServer> redis;  ///< at least one
    bool cluster_keys;
};

/// Throws config::ConfigError that names the setting.
Servers servers_of(const config::Config &config);

/// The same for threads that only look: no server holds up the end of the process by one of them for longer.
Servers watched(Servers servers);

}  // namespace wc
