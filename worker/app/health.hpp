// What the worker tells of itself.
#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

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

    /// Both servers answer; or Redis is switched off, and there is nothing to do.
    bool is_well() const noexcept { return role == Role::Off || (postgres && redis); }
};

}  // namespace wc::app
