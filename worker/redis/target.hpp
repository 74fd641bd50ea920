// A Redis server and how to connect to it.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "redis/address.hpp"
#include "redis/rights.hpp"

namespace wc::redis {

/// Paths of PEM files.  An empty authority means the system's store; an empty certificate means that the worker shows
/// none.
struct TlsFiles {
    std::string authority;
    std::string certificate;
    std::string key;
};

/// Who connects.
struct Login {
    std::string user;
    std::string password;
    std::string password_file;  ///< read at each connection
};

struct Target {
    Address address;
    std::chrono::milliseconds timeout{5000};
    TlsFiles tls;
    /// Read at each connection, so that a new password needs no restart.  Empty: `address.password` holds.
    std::string password_file;
    Login sentinel;  ///< for `address.sentinels`
    /// Calls of an invalidation that are sent before their answers are read.  With more, fewer journeys on a long line;
    /// but one answer may wait for as many calls as that, and must not time out.
    std::size_t calls_per_flight = 16;
    /// A refusal for want of rights names the rules that are missing for this.  A Sentinel has none.
    std::optional<Uses> uses{};
};

/// Throws std::invalid_argument that names the setting and what is wrong, and contains no password.  Opens no file.
Target parse_target(const config::Redis &redis);

}  // namespace wc::redis
