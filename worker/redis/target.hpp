// A Redis server, with all that a connection to it needs to know.
#pragma once
#include <chrono>
#include <string>

#include "config/config.hpp"
#include "redis/address.hpp"

namespace wc::redis {

/// PEM files.  No authority means the system's store; no certificate means that none is shown.
struct TlsFiles {
    std::string authority;
    std::string certificate;
    std::string key;
};

struct Target {
    Address address;
    std::chrono::milliseconds timeout{5000};
    TlsFiles tls;
    /// Read at each connection, so that a new password needs no restart.  Empty: that of the address counts.
    std::string password_file;
};

/// Throws std::invalid_argument with the key and what is wrong with it, never with a password.  Looks at no file.
Target parse_target(const config::Redis &redis);

}  // namespace wc::redis
