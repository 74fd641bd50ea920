#include "process/signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <limits>
#include <system_error>

namespace wc {

Signals::Signals()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ < 0)
        throw std::system_error(errno, std::generic_category(), "signalfd");
}

Signals::~Signals() { close(fd_); }

std::optional<int> Signals::next(int other, Time until)
{
    for (;;) {
        signalfd_siginfo signal{};
        if (read(fd_, &signal, sizeof signal) == sizeof signal)
            return static_cast<int>(signal.ssi_signo);
        pollfd polled[] = {{fd_, POLLIN, 0}, {other, POLLIN, 0}};
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        auto const timeout = std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max());
        int const found = poll(polled, 2, until == Time::max() ? -1 : static_cast<int>(timeout));
        if (found < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "poll");
        if (found > 0 && polled[1].revents != 0)
            return 0;
        if (found == 0)
            return std::nullopt;
    }
}

}  // namespace wc
