// The worker's health, as /healthz shows it.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "process/clock.hpp"
#include "process/state.hpp"

namespace wc::app {

enum class Role { Standby, Draining, Off };

constexpr std::string_view name(Role role) noexcept
{
    switch (role) {
        case Role::Standby: return "standby";
        case Role::Draining: return "draining";
        case Role::Off: return "off";
    }
    return "";
}

/// The loop writes it and HTTP reads it.  Each member is atomic; all of them together are not a consistent snapshot.
///
/// With several Redis each has one, and one of the whole worker has them as parts: its methods tell the worst of them,
/// and its own members nothing.
struct Health {
    struct Part {
        std::string target;
        const Health *health;
    };
    std::vector<Part> parts{};  ///< does not change once a thread reads it

    std::atomic<bool> postgres{false};
    std::atomic<bool> redis{false};
    std::atomic<Role> role{Role::Standby};
    std::atomic<std::int64_t> queue_rows{0};
    std::atomic<std::int64_t> oldest_us{0};
    /// How fast a worker that is behind catches up, and how long that will take (-1: unknown).  Both are 0 if it is not
    /// behind.
    std::atomic<double> rows_per_second{0};
    std::atomic<std::int64_t> seconds_left{0};
    /// Until when readers of this Redis are answered, by the liveness that this worker renewed last.
    std::atomic<Time> answers_until{Time{}};
    /// Students whose changes Redis refuses.
    std::atomic<std::int64_t> set_aside{0};
    /// Since when the loop has worked without a pause; the clock's epoch while it waits for work.
    std::atomic<Time> busy_since{Time{}};

    /// By when the loop takes its next step, unless a server keeps it waiting.  Time::max(): there is no loop.
    std::atomic<Time> expected_by{Time::max()};
    /// The progress of the running sweep.  `sweep_began` is the clock's epoch if none runs.
    std::atomic<std::int64_t> swept_seen{0};
    std::atomic<std::int64_t> swept_removed{0};
    std::atomic<Time> sweep_began{Time{}};

    /// A loop that works for longer without a pause waits for a server that does not answer.
    static constexpr std::chrono::seconds kLongestWork{5};

    void tell(State state, std::string detail)
    {
        std::lock_guard const lock(mutex_);
        standing_ = {state, std::move(detail)};
    }
    /// What the loop said last; Blocked if it has not paused for longer than kLongestWork.
    Standing standing(Time now) const
    {
        if (!parts.empty())
            return worst_of_parts(now);
        if (is_stuck(now))
            return {State::Blocked, "a server has not answered for more than 5 s"};
        std::lock_guard const lock(mutex_);
        return standing_;
    }
    bool is_stuck(Time now) const noexcept
    {
        if (!parts.empty())
            return std::any_of(parts.begin(), parts.end(), [&](auto &part) { return part.health->is_stuck(now); });
        auto const since = busy_since.load();
        return since != Time{} && now - since > kLongestWork;
    }

    /// Whether the loop moves.  `patience`: how long servers may keep it in one step (patience_with()).
    bool is_live(Time now, Time::duration patience) const noexcept
    {
        return now - patience <= expected_by.load() &&
               std::all_of(parts.begin(), parts.end(), [&](auto &part) { return part.health->is_live(now, patience); });
    }

private:
    // The first that is not well, or else the first that is at work.
    Standing worst_of_parts(Time now) const
    {
        std::optional<Standing> worst;
        for (auto const &[target, health] : parts) {
            auto standing = health->standing(now);
            bool const is_worse =
                !worst || (is_well(worst->state) && (!is_well(standing.state) ||
                                                     (worst->state == State::Idle && standing.state != State::Idle)));
            if (!is_worse)
                continue;
            if (!is_well(standing.state))
                standing.detail = "target " + target + (standing.detail.empty() ? "" : ": " + standing.detail);
            worst = std::move(standing);
        }
        return *worst;
    }

    mutable std::mutex mutex_;
    Standing standing_;
};

}  // namespace wc::app
