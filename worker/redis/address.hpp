// Where Redis is.
#pragma once
#include <string>

namespace wc::redis {

struct Address {
    std::string host = "127.0.0.1";
    std::string port = "6379";
    std::string path;  ///< of a Unix socket; then host and port do not matter
    bool tls = false;
    std::string user;
    std::string password;
    int database = 0;
};

/// `redis://[[user]:password@]host[:port][/database]`, `rediss://` for TLS, or
/// `unix://[[user]:password@]/path[?db=database]`, percent-encoded.  A password given apart wins over that of the URL.
/// Throws std::invalid_argument with what is wrong, never with a password.
Address parse_address(const std::string &url, const std::string &password = {});

}  // namespace wc::redis
