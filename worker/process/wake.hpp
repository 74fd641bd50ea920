// How the loop's thread sleeps, and how it is told to stop.
#pragma once
#include <atomic>

#include "process/clock.hpp"

namespace wc {

class SteadyClock : public Clock {
public:
    Time now() const override { return std::chrono::steady_clock::now(); }
};

/// A Waiter on poll.  `stop` may be called by any thread, once or often.
class Wake : public Waiter {
public:
    Wake();
    ~Wake() override;
    Wake(const Wake &) = delete;
    Wake &operator=(const Wake &) = delete;

    void wait(std::span<const int> descriptors, Time until) override;
    bool stopping() const override { return stopping_; }
    void stop();

private:
    int event_;
    std::atomic<bool> stopping_{false};
};

}  // namespace wc
