// Compares a server's clock with this process's steady clock, across the network.
#pragma once
#include <chrono>
#include <optional>

namespace wc {

/// REQUIRES: constructed before the server is asked, and used after it has answered.  All clocks are compared with this
/// process's steady clock, so that times of two servers, read at different moments, can be compared.
class ClockReading {
public:
    ClockReading() : asked_(std::chrono::steady_clock::now()) {}

    /// By how much a clock that showed `shown` is ahead of the steady one, to within half the time that the answer
    /// took; nothing if the answer took too long.
    std::optional<std::chrono::microseconds> lead_of(std::chrono::microseconds shown) const
    {
        auto const answered = std::chrono::steady_clock::now();
        if (answered - asked_ > kLongest)
            return std::nullopt;
        auto const middle = asked_.time_since_epoch() + (answered - asked_) / 2;
        return shown - std::chrono::duration_cast<std::chrono::microseconds>(middle);
    }

private:
    static constexpr std::chrono::milliseconds kLongest{500};
    std::chrono::steady_clock::time_point asked_;
};

}  // namespace wc
