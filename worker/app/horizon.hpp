// The horizon: a snapshot.  Redis stores a value only if the value has seen everything that the horizon saw.
//
// A fence has a limited life.  Redis must refuse a value that the fence would have refused even after that.  The
// value's time does not suffice: it comes from the clock of the server that built the value, and a standby that lags
// behind gives an old state a new time.  So the worker keeps its recent snapshots, and publishes one that is half a
// fence's life old as the horizon.  A horizon is valid until it is three quarters of a life old: a fence that has
// expired by then was raised before the horizon's snapshot was taken, so the snapshot saw the changes that the fence
// stood for.
#pragma once
#include <chrono>
#include <deque>
#include <string>
#include <utility>

#include "process/clock.hpp"

namespace wc::app {

class Horizon {
public:
    struct Taken {
        Time at;
        std::string snapshot;
    };

    /// When the worker shall take the next snapshot.
    Time due() const noexcept { return due_; }

    /// Drops all snapshots, as after a change of the server or a pause; the next one is published at once.
    void forget()
    {
        taken_.clear();
        due_ = {};
    }

    /// Adds a snapshot.  Returns the one to publish: the latest that is at least half a `life` old, or else the oldest
    /// that is still valid.  REQUIRES: the snapshot was taken after `at`.
    const Taken &add(Time at, std::string snapshot, std::chrono::milliseconds life)
    {
        taken_.push_back({at, std::move(snapshot)});
        while (taken_.size() > 1 && (taken_[1].at + life / 2 <= at || end_of(taken_.front(), life) <= at))
            taken_.pop_front();
        due_ = at + life / 8;
        return taken_.front();
    }

    /// Until when a snapshot may be the horizon.
    static Time end_of(const Taken &taken, std::chrono::milliseconds life) { return taken.at + life * 3 / 4; }

private:
    std::deque<Taken> taken_;
    Time due_{};
};

}  // namespace wc::app
