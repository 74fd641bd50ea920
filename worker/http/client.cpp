#include "http/client.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "core/text/number.hpp"
#include "process/poll_until.hpp"

namespace wc::http {
namespace {

using SteadyClock = std::chrono::steady_clock;

// More than any page of a worker.
constexpr std::size_t kLongest = 4 * 1024 * 1024;

struct Socket {
    int fd = -1;
    explicit Socket(int descriptor) : fd(descriptor) {}
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    ~Socket()
    {
        if (fd >= 0)
            close(fd);
    }
};

void wait_for(int fd, short events, SteadyClock::time_point deadline)
{
    if (poll_until(fd, events, deadline) == 0)
        throw std::runtime_error("no answer in time");
}

[[noreturn]] void fail(int why) { throw std::runtime_error(std::strerror(why)); }

void connect_to(int fd, const addrinfo &at, SteadyClock::time_point deadline)
{
    if (connect(fd, at.ai_addr, at.ai_addrlen) == 0)
        return;
    if (errno != EINPROGRESS)
        fail(errno);
    wait_for(fd, POLLOUT, deadline);
    int why = 0;
    socklen_t length = sizeof why;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &length);
    if (why != 0)
        fail(why);
}

void send_all(int fd, const std::string &text, SteadyClock::time_point deadline)
{
    for (std::size_t sent = 0; sent < text.size();) {
        wait_for(fd, POLLOUT, deadline);
        auto const wrote = send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EAGAIN && errno != EINTR)
            fail(errno);
        sent += static_cast<std::size_t>(std::max<ssize_t>(wrote, 0));
    }
}

std::string read_all(int fd, SteadyClock::time_point deadline)
{
    std::string text;
    for (;;) {
        wait_for(fd, POLLIN, deadline);
        char buffer[16384];
        auto const got = recv(fd, buffer, sizeof buffer, 0);
        if (got == 0)
            return text;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            fail(errno);
        text.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (text.size() > kLongest)
            throw std::runtime_error("the answer is too long");
    }
}

}  // namespace

Response parse_response(const std::string &text)
{
    auto const end = text.find("\r\n\r\n");
    auto const status = parse_number<int>(text.substr(std::min<std::size_t>(9, text.size()), 3));
    if (!text.starts_with("HTTP/1.") || end == std::string::npos || !status || *status < 100 || *status > 599)
        throw std::runtime_error("the answer is not one of HTTP");
    return {*status, text.substr(end + 4)};
}

Response get(const std::string &address, int port, const std::string &path, const std::string &token,
             std::chrono::milliseconds patience)
{
    auto const deadline = SteadyClock::now() + patience;
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    if (int const failed = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found); failed != 0)
        throw std::runtime_error(gai_strerror(failed));
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const owned(found, freeaddrinfo);
    Socket const socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.fd < 0)
        fail(errno);
    connect_to(socket.fd, *found, deadline);
    send_all(socket.fd,
             "GET " + path + " HTTP/1.1\r\n" + (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
                 "Connection: close\r\n\r\n",
             deadline);
    return parse_response(read_all(socket.fd, deadline));
}

}  // namespace wc::http
