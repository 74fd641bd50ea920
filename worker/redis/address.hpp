// The address of a Redis server.
#pragma once
#include <string>
#include <vector>

namespace wc::redis {

struct Endpoint {
    std::string host = "127.0.0.1";
    std::string port = "6379";

    bool operator==(const Endpoint &) const = default;
};

struct Address : Endpoint {
    std::string path;  ///< of a Unix socket; if it is set, host and port have no meaning
    bool tls = false;
    std::string user;
    std::string password;
    int database = 0;
    /// If there are some, they know where the master named `master` is; host and port then have no meaning.
    std::vector<Endpoint> sentinels;
    std::string master;
    /// If there are some, they are nodes of a Redis Cluster, and know the others; host and port then have no meaning.
    std::vector<Endpoint> nodes;
};

/// Parses `redis://[[user]:password@]host[:port][/database]`, `rediss://` for TLS,
/// `redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/database]`, `rediss+sentinel://` for TLS to
/// the Sentinels and to Redis, `redis+cluster://[[user]:password@]host[:port][,host[:port]...]`, `rediss+cluster://`,
/// or `unix://[[user]:password@]/path[?db=database]`, percent-encoded.  User and password are those of Redis, not of
/// the Sentinels.  `password` overrides the password of the URL unless it is empty.  Throws std::invalid_argument that
/// says what is wrong and contains no password.
Address parse_address(const std::string &url, const std::string &password = {});

/// Returns host and port as a URL has them: `host:port`, `[::1]:port`.
std::string describe(const Endpoint &endpoint);

/// Returns host, port and database for a log line, without user and password; of several Sentinels or nodes all of
/// them.
std::string describe(const Address &address);

}  // namespace wc::redis
