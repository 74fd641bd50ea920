// Decides how long to wait before the next try.
#pragma once
#include <chrono>
#include <random>

namespace wc {

/// Exponential backoff with decorrelated jitter: each pause is drawn between `first` and three times the pause
/// before, up to `longest`, so that workers that lost the same server do not come back as one.  Not thread-safe.
class Backoff {
public:
    using Milliseconds = std::chrono::milliseconds;

    Backoff(Milliseconds first, Milliseconds longest, unsigned seed = std::random_device{}());

    Milliseconds next();
    /// Begins anew with the shortest pause, after a success.
    void reset() noexcept { last_ = first_; }

private:
    Milliseconds first_, longest_, last_;
    std::minstd_rand random_;
};

}  // namespace wc
