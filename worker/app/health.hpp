// What the worker tells of itself.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "app/clock.hpp"

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

/// Written by the loop, read by HTTP.  Each member stands for itself; together they are not a snapshot.
struct Health {
    std::atomic<bool> postgres{false};
    std::atomic<bool> redis{false};
    std::atomic<Role> role{Role::Standby};
    std::atomic<std::int64_t> queue_rows{0};
    std::atomic<std::int64_t> oldest_us{0};
    /// Since when the loop has been at work without a pause; the clock's epoch while it waits for work.
    std::atomic<Time> busy_since{Time{}};

    /// A server that takes a question and gives no answer keeps the loop for as long as an answer may take.
    static constexpr std::chrono::seconds kLongestWork{5};

    bool is_stuck(Time now) const noexcept
    {
        auto const since = busy_since.load();
        return since != Time{} && now - since > kLongestWork;
    }
    /// Both servers answer; or Redis is switched off, and there is nothing to do.
    bool is_well(Time now) const noexcept { return role == Role::Off || (postgres && redis && !is_stuck(now)); }
};

}  // namespace wc::app
