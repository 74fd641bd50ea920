// Counts the fences that may exist in Redis, and their memory.
#pragma once
#include <chrono>
#include <deque>

#include "app/cache.hpp"

namespace wc::redis {

/// Counts each fence from when it is raised until its life is over.  A student that is fenced twice counts twice, so
/// the count is an upper bound of the fences that this process has raised.  It does not know fences of earlier workers.
/// For one thread.
class FenceWindow {
public:
    using Time = std::chrono::steady_clock::time_point;

    void add(app::Fences raised, Time until)
    {
        if (raised.count == 0)
            return;
        sum_.count += raised.count;
        sum_.bytes += raised.bytes;
        // Fences of one second form one part, which expires with the last of them.
        if (!parts_.empty() && until - parts_.back().begins < std::chrono::seconds(1)) {
            parts_.back().until = until;
            parts_.back().fences.count += raised.count;
            parts_.back().fences.bytes += raised.bytes;
        } else {
            parts_.push_back({until, until, raised});
        }
    }
    void expire(Time now)
    {
        for (; !parts_.empty() && parts_.front().until <= now; parts_.pop_front()) {
            sum_.count -= parts_.front().fences.count;
            sum_.bytes -= parts_.front().fences.bytes;
        }
    }
    std::size_t count() const noexcept { return sum_.count; }
    app::Fences fences() const noexcept { return sum_; }

private:
    struct Part {
        Time begins, until;
        app::Fences fences;
    };
    std::deque<Part> parts_;
    app::Fences sum_;
};

}  // namespace wc::redis
