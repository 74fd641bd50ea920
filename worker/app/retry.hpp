// When to try a lost server again, and how often to say that it is lost.
#pragma once
#include <optional>
#include <string>

#include "app/backoff.hpp"
#include "app/clock.hpp"
#include "app/failure.hpp"

namespace wc::app {

/// Not thread-safe.
class Retry {
public:
    Retry(Part part, std::chrono::milliseconds first, std::chrono::milliseconds longest)
        : part_(part), backoff_(first, longest)
    {}

    Time due() const noexcept { return due_; }
    /// Sets the next try.  Logs a failure when it is new or has lasted for another minute, not at every try.
    void failed(Time now, std::string_view why);
    /// Logs the end of a series of failures.
    void succeeded();

private:
    Part part_;
    Backoff backoff_;
    Time due_{};
    std::string last_why_;
    Time last_logged_{};
};

}  // namespace wc::app
