// Waiting for a file descriptor.
#pragma once
#include <poll.h>

#include <cerrno>
#include <chrono>

namespace wc {

/// Waits until one of the events (POLLIN, POLLOUT) has come, an error among them.  Signals do not end it.  1: it has;
/// 0: the deadline is over; -1: poll failed, errno says why.
inline int poll_until(int fd, short events, std::chrono::steady_clock::time_point deadline) noexcept
{
    for (;;) {
        pollfd descriptor{fd, events, 0};
        auto const left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        int const ready = left > 0 ? poll(&descriptor, 1, static_cast<int>(left)) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready;
    }
}

}  // namespace wc
