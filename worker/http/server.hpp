// The HTTP server.
//
// It uses no library, because a health check must be answered whatever other clients do.  Libraries give each
// connection a thread and each read a time-out: a few clients that send a byte now and then hold all threads for as
// long as they like, and cpp-httplib has neither a deadline for a whole request nor a bound on connections in any
// version.  Here one thread polls all connections and none of them can block it; each connection has one deadline, from
// its beginning to the answer's last byte; and a new connection always finds a place, if need be by closing the oldest
// one.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "http/connection.hpp"

namespace wc::http {

struct Limits {
    std::size_t connections = 256;
    std::chrono::milliseconds request{10000};  ///< from the connection's beginning to the end of its answer
};

/// A thread of its own, which calls the handler.
class Server {
public:
    /// Starts to listen.  Port 0 means any free port.  Throws std::runtime_error when the address cannot be bound.
    /// REQUIRES: `health` and `metrics` outlive the server.
    Server(const std::string &address, int port, Handler handler, Limits limits = {});
    ~Server();

    int port() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace wc::http
