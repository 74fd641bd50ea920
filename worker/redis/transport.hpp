// Carries bytes to Redis and back: TCP and Unix sockets here; TLS (tls.hpp) is another Transport over such a socket.
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

    /// Writes all bytes, or throws TimeoutError.
    virtual void write(std::string_view bytes, Deadline deadline) = 0;
    /// Reads at least one byte and returns how many.  Throws TimeoutError, or ClosedError at the connection's end.
    virtual std::size_t read(char *to, std::size_t room, Deadline deadline) = 0;
    /// The descriptor to poll.
    virtual int fd() const = 0;
    /// Whether a read returns or throws without waiting.  Consumes what the server sends for the transport alone, so
    /// that `fd` is not readable for it again.
    virtual bool is_readable() = 0;
    /// Makes `fd` readable from now on, because the connection has ended above the socket.
    virtual void hang_up() noexcept = 0;
};

/// Throws IoError that names the address.
std::unique_ptr<Transport> connect_socket(const Address &address, Deadline deadline);

}  // namespace wc::redis
