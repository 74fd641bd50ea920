// Port: time, and waiting for something to happen.
#pragma once
#include <chrono>
#include <span>

namespace wc {

using Time = std::chrono::steady_clock::time_point;

class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

/// How the loop sleeps.
class Waiter {
public:
    virtual ~Waiter() = default;
    /// Returns at `until`, when one of the descriptors is readable (or its peer is gone), or after a `stop`.
    virtual void wait(std::span<const int> descriptors, Time until) = 0;
    virtual bool stopping() const = 0;
};

}  // namespace wc
