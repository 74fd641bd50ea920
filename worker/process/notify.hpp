// Tells systemd how the service is (sd_notify): one datagram a message, to the socket that NOTIFY_SOCKET names.
#pragma once
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace wc {

/// Without NOTIFY_SOCKET every call does nothing.  A message that systemd does not take is lost without an error: a
/// worker does not end because nobody listens.  For one thread.
class Notify {
public:
    /// `socket` is a path, or '@' and a name in the abstract namespace; null or empty: nobody listens.  `watchdog_usec`
    /// is the text of WATCHDOG_USEC, `watchdog_pid` that of WATCHDOG_PID.
    Notify(const char *socket, const char *watchdog_usec, const char *watchdog_pid);
    /// Reads the three from this process's environment.
    Notify();
    ~Notify();
    Notify(const Notify &) = delete;
    Notify &operator=(const Notify &) = delete;

    bool is_on() const noexcept { return fd_ >= 0; }
    /// Returns how often to call `watchdog`: half the time that systemd waits.  Nothing: systemd does not watch.
    std::optional<std::chrono::microseconds> watchdog_interval() const noexcept { return interval_; }

    void ready() const { send("READY=1"); }
    /// Says that the configuration is being read again; `ready` says that this is done.
    void reloading() const;
    void stopping() const { send("STOPPING=1"); }
    void watchdog() const { send("WATCHDOG=1"); }
    /// One line for `systemctl status`.  Line ends in `text` are made harmless: each line would be a message.
    void status(std::string_view text) const;

private:
    void send(std::string_view message) const;

    int fd_ = -1;
    sockaddr_un address_{};
    socklen_t length_ = 0;
    std::optional<std::chrono::microseconds> interval_;
};

}  // namespace wc
