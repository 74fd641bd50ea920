#include "http/listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace wc::http {
namespace {

int bound_port(int fd)
{
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (getsockname(fd, reinterpret_cast<sockaddr *>(&name), &size) != 0)
        return 0;
    return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 &>(name).sin6_port
                                            : reinterpret_cast<sockaddr_in &>(name).sin_port);
}

int listen_at(const addrinfo &at)
{
    int const fd = socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at.ai_protocol);
    if (fd < 0)
        return -1;
    // Allow a port that the last run left in TIME_WAIT.  A port that somebody listens on is still refused.
    int const yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, at.ai_addr, at.ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int const why = errno;
    close(fd);
    errno = why;
    return -1;
}

}  // namespace

Listener::Listener(const std::string &address, int port)
{
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo *found = nullptr;
    auto const where = address + ":" + std::to_string(port);
    int const failed = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found);
    if (failed != 0)
        throw std::runtime_error("cannot listen on " + where + ": " + gai_strerror(failed));
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const owned(found, freeaddrinfo);
    int why = 0;
    for (; found && fd_ < 0; found = found->ai_next) {
        fd_ = listen_at(*found);
        why = errno;
    }
    if (fd_ < 0)
        throw std::runtime_error("cannot listen on " + where + ": " + std::strerror(why));
    port_ = bound_port(fd_);
}

Listener::~Listener()
{
    if (fd_ >= 0)
        close(fd_);
}

int Listener::accept() const noexcept { return accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }

}  // namespace wc::http
