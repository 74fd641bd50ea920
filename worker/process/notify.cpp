#include "process/notify.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "process/printable.hpp"

namespace wc {
namespace {

// systemd takes messages in a moment, or it is in trouble itself.
constexpr timeval kPatience{1, 0};

std::optional<std::uint64_t> number(const char *text)
{
    std::uint64_t value = 0;
    if (!text)
        return std::nullopt;
    auto const *end = text + std::strlen(text);
    auto const [rest, error] = std::from_chars(text, end, value);
    return error == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

}  // namespace

Notify::Notify() : Notify(std::getenv("NOTIFY_SOCKET"), std::getenv("WATCHDOG_USEC"), std::getenv("WATCHDOG_PID")) {}

Notify::Notify(const char *socket, const char *watchdog_usec, const char *watchdog_pid)
{
    std::string_view const name = socket ? socket : "";
    bool const is_abstract = name.starts_with('@');
    // A path needs room for the NUL at its end.
    if (name.size() < 2 || name.size() > sizeof address_.sun_path - (is_abstract ? 0 : 1) ||
        (!is_abstract && !name.starts_with('/')))
        return;
    address_.sun_family = AF_UNIX;
    name.copy(address_.sun_path, name.size());
    if (is_abstract)
        address_.sun_path[0] = '\0';
    length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (is_abstract ? 0 : 1));
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0)
        return;
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    auto const usec = number(watchdog_usec);
    auto const pid = number(watchdog_pid);
    if (usec && *usec > 1 && (!pid || *pid == static_cast<std::uint64_t>(getpid())))
        interval_ = std::chrono::microseconds(*usec / 2);
}

Notify::~Notify()
{
    if (fd_ >= 0)
        close(fd_);
}

void Notify::reloading() const
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

void Notify::status(std::string_view text) const { send("STATUS=" + printable(text, 500)); }

void Notify::send(std::string_view message) const
{
    if (fd_ >= 0)
        (void)!sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr *>(&address_),
                      length_);
}

}  // namespace wc
