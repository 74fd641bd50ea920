// A listening TCP socket.
#pragma once
#include <string>

namespace wc::http {

/// For one thread.
class Listener {
public:
    /// Listens.  Port 0 means any free port.  Throws std::runtime_error when the address cannot be bound.
    Listener(const std::string &address, int port);
    ~Listener();
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;

    int fd() const noexcept { return fd_; }
    int port() const noexcept { return port_; }
    /// Accepts the next waiting connection and returns its descriptor, which is non-blocking; -1 with errno otherwise.
    int accept() const noexcept;

private:
    int fd_ = -1;
    int port_ = 0;
};

}  // namespace wc::http
