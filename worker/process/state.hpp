// The states that a worker can be in, one at a time.  docs/operations.md says what each means and looks like.
#pragma once
#include <string>
#include <string_view>

namespace wc {

enum class State {
    Starting,      ///< nothing is known yet
    Healthy,       ///< drains, and rows come
    Idle,          ///< drains, and nothing changes
    CatchingUp,    ///< drains, and more waits than one look can take
    Sweeping,      ///< goes through all of Redis, as every student changed
    Standby,       ///< another worker drains
    Unregistered,  ///< could drain, but the database does not queue for it
    Blocked,       ///< something holds what it needs: a lock, or a server that does not answer
    NoRedis,
    NoPostgres,
    SetAside,    ///< Redis refuses what removes the values of some students
    Evicting,    ///< Redis may evict what keeps stale values out
    ReadOnly,    ///< a server takes no writes
    FullDisk,    ///< a server has no room
    NoRights,    ///< a server refuses this user
    OtherKeys,   ///< the database and this worker name students differently in keys
    OtherRedis,  ///< another worker keeps another Redis fresh
    Cold,        ///< what is removed is not rebuilt
    EventsWait,  ///< the stream takes no events; what changes is removed all the same
    Off,         ///< Redis is switched off
};

inline constexpr State kStates[] = {State::Starting,   State::Healthy,    State::Idle,         State::CatchingUp,
                                    State::Sweeping,   State::Standby,    State::Unregistered, State::Blocked,
                                    State::NoRedis,    State::NoPostgres, State::SetAside,     State::Evicting,
                                    State::ReadOnly,   State::FullDisk,   State::NoRights,     State::OtherKeys,
                                    State::OtherRedis, State::Cold,       State::EventsWait,   State::Off};

constexpr std::string_view name(State state) noexcept
{
    switch (state) {
        case State::Starting: return "starting";
        case State::Healthy: return "healthy";
        case State::Idle: return "idle";
        case State::CatchingUp: return "catching up";
        case State::Sweeping: return "sweeping";
        case State::Standby: return "standby";
        case State::Unregistered: return "unregistered";
        case State::Blocked: return "blocked";
        case State::NoRedis: return "no redis";
        case State::NoPostgres: return "no postgres";
        case State::SetAside: return "set aside";
        case State::Evicting: return "evicting";
        case State::ReadOnly: return "read-only";
        case State::FullDisk: return "full disk";
        case State::NoRights: return "no rights";
        case State::OtherKeys: return "other keys";
        case State::OtherRedis: return "other redis";
        case State::Cold: return "cold";
        case State::EventsWait: return "events wait";
        case State::Off: return "off";
    }
    return "";
}

/// Nothing stale can be seen for longer than promised, and nobody needs to do anything.
constexpr bool is_well(State state) noexcept
{
    switch (state) {
        case State::Healthy:
        case State::Idle:
        case State::CatchingUp:
        case State::Sweeping:
        case State::Standby:
        case State::Off: return true;
        default: return false;
    }
}

struct Standing {
    State state = State::Starting;
    std::string detail{};  ///< empty where the name says it all
};

}  // namespace wc
