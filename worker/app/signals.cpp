#include "app/signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace wc::app {

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

int Signals::next(int other)
{
    for (;;) {
        signalfd_siginfo signal{};
        if (read(fd_, &signal, sizeof signal) == sizeof signal)
            return static_cast<int>(signal.ssi_signo);
        pollfd polled[] = {{fd_, POLLIN, 0}, {other, POLLIN, 0}};
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "poll");
        if (polled[1].revents != 0)
            return 0;
    }
}

}  // namespace wc::app
