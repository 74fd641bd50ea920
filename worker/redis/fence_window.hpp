// How many fences may stand in Redis.
#pragma once
#include <chrono>
#include <deque>

#include "app/cache.hpp"

namespace wc::redis {

/// Counts each fence from when it was raised until its life is over; a student that is fenced again counts again, so it
/// is never less than what stands.  What an earlier worker raised is not known.
class FenceWindow {
public:
    using Time = std::chrono::steady_clock::time_point;

    void add(app::Fences raised, Time until)
    {
        if (raised.count == 0)
            return;
        sum_.count += raised.count;
        sum_.bytes += raised.bytes;
        // Those of one second end together, with the last of them.
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
