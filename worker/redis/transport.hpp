// How bytes get to Redis and back.  TCP and Unix sockets here; TLS (tls.hpp) is another Transport over the same socket.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include "redis/address.hpp"

namespace wc::redis {

using Deadline = std::chrono::steady_clock::time_point;

/// For one thread.  Every call may throw IoError.
class Transport {
public:
    virtual ~Transport() = default;

    /// All of it, or TimeoutError.
    virtual void write(std::string_view bytes, Deadline deadline) = 0;
    /// At least one byte, or TimeoutError; ClosedError at the end.
    virtual std::size_t read(char *to, std::size_t room, Deadline deadline) = 0;
    /// For poll.
    virtual int fd() const = 0;
    /// Something can be read at once, be it only the end.  What the server sends for the transport's own use alone is
    /// taken in, so that `fd` is not readable for it again.
    virtual bool is_readable() = 0;
    /// Nothing more is expected: `fd` stays readable from now on.
    virtual void hang_up() noexcept = 0;
};

/// Throws IoError that names where it could not connect to.
std::unique_ptr<Transport> connect_socket(const Address &address, Deadline deadline);

}  // namespace wc::redis
