#include "redis/transport.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "process/poll_until.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

using Clock = std::chrono::steady_clock;

class Socket : public Transport {
public:
    explicit Socket(int fd) : fd_(fd)
    {
        if (fd_ < 0)
            throw IoError(std::string("socket: ") + std::strerror(errno));
    }
    ~Socket() override { close(fd_); }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;

    void connect(const sockaddr *address, socklen_t length, Deadline deadline)
    {
        if (::connect(fd_, address, length) == 0)
            return;
        if (errno != EINPROGRESS)
            throw IoError(std::strerror(errno));
        wait(POLLOUT, deadline, "no answer in time");
        int error = 0;
        socklen_t size = sizeof error;
        if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
            throw IoError(std::strerror(error));
    }

    void write(std::string_view bytes, Deadline deadline) override
    {
        while (!bytes.empty()) {
            auto const sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent >= 0)
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            else if (errno == EAGAIN)
                wait(POLLOUT, deadline, "takes no more commands");
            else if (errno != EINTR)
                throw ClosedError(std::string("connection lost: ") + std::strerror(errno));
        }
    }

    std::size_t read(char *to, std::size_t room, Deadline deadline) override
    {
        for (;;) {
            auto const got = recv(fd_, to, room, 0);
            if (got > 0)
                return static_cast<std::size_t>(got);
            if (got == 0)
                throw ClosedError("the server closed the connection");
            if (errno == EAGAIN)
                wait(POLLIN, deadline, "no answer in time");
            else if (errno != EINTR)
                throw ClosedError(std::string("connection lost: ") + std::strerror(errno));
        }
    }

    int fd() const override { return fd_; }

    bool is_readable() override
    {
        pollfd descriptor{fd_, POLLIN, 0};
        return poll(&descriptor, 1, 0) > 0;
    }

    void hang_up() noexcept override { shutdown(fd_, SHUT_RD); }

private:
    void wait(short events, Deadline deadline, const char *otherwise) const
    {
        int const ready = poll_until(fd_, events, deadline);
        if (ready == 0)
            throw TimeoutError(otherwise);
        if (ready < 0)
            throw IoError(std::string("poll: ") + std::strerror(errno));
    }

    int fd_;
};

void set(int fd, int level, int option, int value)
{
    // Ignore a failure: without these options the timeouts above still hold.
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

constexpr int kFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

std::unique_ptr<Transport> connect_unix(const Address &address, Deadline deadline)
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (address.path.size() >= sizeof name.sun_path)
        throw IoError("the path is too long for a socket");
    address.path.copy(name.sun_path, address.path.size());
    auto connection = std::make_unique<Socket>(socket(AF_UNIX, kFlags, 0));
    connection->connect(reinterpret_cast<const sockaddr *>(&name), sizeof name, deadline);
    return connection;
}

std::unique_ptr<Transport> connect_tcp(const Address &address, Deadline deadline)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo *list = nullptr;
    if (int const error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &list); error != 0)
        throw IoError(gai_strerror(error));
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const owned(list, freeaddrinfo);
    for (auto const *at = list; at; at = at->ai_next) {
        try {
            auto connection = std::make_unique<Socket>(socket(at->ai_family, kFlags, at->ai_protocol));
            connection->connect(at->ai_addr, at->ai_addrlen, deadline);
            set(connection->fd(), IPPROTO_TCP, TCP_NODELAY, 1);
            set(connection->fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
            set(connection->fd(), IPPROTO_TCP, TCP_KEEPIDLE, 10);
            set(connection->fd(), IPPROTO_TCP, TCP_KEEPINTVL, 3);
            set(connection->fd(), IPPROTO_TCP, TCP_KEEPCNT, 3);
            return connection;
        } catch (const IoError &) {
            if (!at->ai_next)
                throw;
        }
    }
    throw IoError("it has no address");
}

}  // namespace

std::unique_ptr<Transport> connect_socket(const Address &address, Deadline deadline)
{
    try {
        return address.path.empty() ? connect_tcp(address, deadline) : connect_unix(address, deadline);
    } catch (const IoError &error) {
        auto const where = address.path.empty() ? address.host + ":" + address.port : address.path;
        throw IoError("cannot connect to " + where + ": " + error.what());
    }
}

}  // namespace wc::redis
