// What a value must have seen to be stored, whatever its age is said to be.
//
// A fence lives for a while.  A value that it would have refused must not be stored after that; how old a value is can
// only be told by the clock of the server that built it, and a standby that lags behind gives old states a new time. So
// the worker keeps snapshots of the last while, and publishes one that is half a fence's life old.  It is valid until
// it is three quarters of a life old: a fence that is gone was raised before that snapshot was taken, which then saw
// what it fenced.
#pragma once
#include <chrono>
#include <deque>
#include <string>
#include <utility>

#include "app/clock.hpp"

namespace wc::app {

class Horizon {
public:
    struct Taken {
        Time at;
        std::string snapshot;
    };

    /// When another snapshot is to be taken.
    Time due() const noexcept { return due_; }

    /// Snapshots of another server, or of before a pause, count no more: the next one is published at once.
    void forget()
    {
        taken_.clear();
        due_ = {};
    }

    /// `at` is before the snapshot was taken.  Returns the one to publish: the latest that is half a `life` old, or
    /// the oldest that is still good.
    const Taken &add(Time at, std::string snapshot, std::chrono::milliseconds life)
    {
        taken_.push_back({at, std::move(snapshot)});
        while (taken_.size() > 1 && (taken_[1].at + life / 2 <= at || end_of(taken_.front(), life) <= at))
            taken_.pop_front();
        due_ = at + life / 8;
        return taken_.front();
    }

    /// Until when it may be what is asked for.
    static Time end_of(const Taken &taken, std::chrono::milliseconds life) { return taken.at + life * 3 / 4; }

private:
    std::deque<Taken> taken_;
    Time due_{};
};

}  // namespace wc::app
