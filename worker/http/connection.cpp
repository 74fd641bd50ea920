#include "http/connection.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace wc::http {
namespace {

constexpr std::size_t kLargestHead = 8192;
// How much a client may still send while the server answers it; the server reads and discards these bytes.
constexpr std::size_t kMostDiscarded = 256 * 1024;

bool is_from_here(int fd) noexcept
{
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr *>(&peer), &length) != 0)
        return false;
    if (peer.ss_family == AF_INET)
        return ntohl(reinterpret_cast<const sockaddr_in &>(peer).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (peer.ss_family != AF_INET6)
        return false;
    auto const &address = reinterpret_cast<const sockaddr_in6 &>(peer).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == IN_LOOPBACKNET);
}

bool must_wait() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Connection::Connection(Connection &&other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      began_(other.began_),
      deadline_(other.deadline_),
      phase_(other.phase_),
      received_(std::move(other.received_)),
      answer_(std::move(other.answer_)),
      sent_(other.sent_),
      discarded_(other.discarded_)
{}

Connection &Connection::operator=(Connection &&other) noexcept
{
    std::swap(fd_, other.fd_);
    began_ = other.began_;
    deadline_ = other.deadline_;
    phase_ = other.phase_;
    received_ = std::move(other.received_);
    answer_ = std::move(other.answer_);
    sent_ = other.sent_;
    discarded_ = other.discarded_;
    return *this;
}

Connection::~Connection()
{
    if (fd_ >= 0)
        close(fd_);
}

bool Connection::advance(const Handler &handler)
{
    switch (phase_) {
        case Phase::Asking: return read(handler);
        case Phase::Answering: return write();
        case Phase::Ending: return wait_for_end();
    }
    return false;
}

bool Connection::read(const Handler &handler)
{
    char buffer[4096];
    auto const got = recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0)
        return got < 0 && must_wait();
    received_.append(buffer, static_cast<std::size_t>(got));
    auto const end = end_of_head(received_);
    if (end == std::string::npos && received_.size() <= kLargestHead)
        return true;
    if (end == std::string::npos) {
        answer(refusal(431), true);
        return write();
    }
    auto head = parse_head(std::string_view(received_).substr(0, end));
    head.request.is_from_here = is_from_here(fd_);
    answer(head.status == 200 ? handler(head.request) : refusal(head.status), head.request.method != "HEAD");
    return write();
}

void Connection::answer(const Answer &answer, bool with_body)
{
    answer_ = format(answer, with_body);
    received_ = {};
    phase_ = Phase::Answering;
}

bool Connection::write()
{
    while (sent_ < answer_.size()) {
        auto const wrote = send(fd_, answer_.data() + sent_, answer_.size() - sent_, MSG_NOSIGNAL);
        if (wrote < 0)
            return must_wait();
        sent_ += static_cast<std::size_t>(wrote);
    }
    // Close only after the client has: closing a socket with unread bytes sends a reset, which discards the answer.
    shutdown(fd_, SHUT_WR);
    phase_ = Phase::Ending;
    return wait_for_end();
}

bool Connection::wait_for_end()
{
    char buffer[4096];
    auto const got = recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0)
        return got < 0 && must_wait();
    discarded_ += static_cast<std::size_t>(got);
    return discarded_ <= kMostDiscarded;
}

void Connection::time_out()
{
    if (phase_ != Phase::Asking || received_.empty())
        return;
    auto const text = format(refusal(408), true);
    (void)!send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace wc::http
