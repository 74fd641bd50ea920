#include "process/wake.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <vector>

namespace wc {

Wake::Wake() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (event_ < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wake::~Wake() { close(event_); }

void Wake::wait(std::span<const int> descriptors, Time until)
{
    // The event stays set once it is, so that nothing waits any more.
    std::vector<pollfd> polled{{event_, POLLIN, 0}};
    for (int const descriptor : descriptors)
        polled.push_back({descriptor, POLLIN, 0});
    auto const left = std::max(Time::duration::zero(), until - std::chrono::steady_clock::now());
    timespec const timeout{std::chrono::duration_cast<std::chrono::seconds>(left).count(),
                           std::chrono::nanoseconds(left % std::chrono::seconds(1)).count()};
    if (ppoll(polled.data(), polled.size(), &timeout, nullptr) < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "ppoll");
}

void Wake::stop()
{
    stopping_ = true;
    std::uint64_t const one = 1;
    // Fails only if the counter is full, when it is set already.
    (void)!write(event_, &one, sizeof one);
}

}  // namespace wc
