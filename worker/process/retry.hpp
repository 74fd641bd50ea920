// Decides when to try a lost server again, and how often to log that it is lost.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "process/backoff.hpp"
#include "process/clock.hpp"
#include "process/failure.hpp"

namespace wc {

/// Not thread-safe.
class Retry {
public:
    /// `what` outlives this: the name of what is tried, for the log.
    Retry(std::string_view what, std::chrono::milliseconds first, std::chrono::milliseconds longest)
        : what_(what), backoff_(first, longest)
    {}
    Retry(Part part, std::chrono::milliseconds first, std::chrono::milliseconds longest)
        : Retry(name(part), first, longest)
    {}

    Time due() const noexcept { return due_; }
    /// Sets the next try, not before `least` has passed.  Logs a failure when it is new or has lasted for another
    /// minute, not at every try.
    void failed(Time now, std::string_view why, std::chrono::milliseconds least = {});
    /// Logs the end of a series of failures.
    void succeeded();

private:
    std::string_view what_;
    Backoff backoff_;
    Time due_{};
    std::string last_why_;
    Time last_logged_{};
};

}  // namespace wc
