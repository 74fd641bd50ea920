#include "app/standing.hpp"

#include "process/log.hpp"

namespace wc::app {
namespace {

// Shorter times are normal: an open transaction delays the registration, and many changes take several drains.
constexpr std::chrono::seconds kUnregistered{5};
constexpr std::chrono::seconds kBehind{1};

Standing failed(const Failure &failure, State lost)
{
    switch (failure.cause()) {
        case Cause::NoRights: return {State::NoRights, failure.what()};
        case Cause::ReadOnly: return {State::ReadOnly, failure.what()};
        case Cause::FullDisk: return {State::FullDisk, failure.what()};
        case Cause::OtherKeys: return {State::OtherKeys, failure.what()};
        case Cause::Locked: return {State::Blocked, failure.what()};
        case Cause::Other: break;
    }
    return {lost, failure.what()};
}

// Whether the log already has a line about the failure that led to this state.
bool is_logged(State state)
{
    return state == State::NoRedis || state == State::NoPostgres || state == State::ReadOnly ||
           state == State::FullDisk || state == State::NoRights || state == State::OtherKeys ||
           state == State::Evicting || state == State::Cold || state == State::EventsWait;
}

}  // namespace

Standing judge(const Sight &sight, Time now)
{
    if (sight.postgres) {
        auto standing = failed(*sight.postgres, State::NoPostgres);
        if (standing.state == State::Blocked && !sight.holders.empty())
            standing.detail += ": " + sight.holders;
        return standing;
    }
    if (sight.redis)
        return failed(*sight.redis, State::NoRedis);
    if (!sight.is_connected)
        return {};
    if (!sight.other_redis.empty() && !sight.is_registered)
        return {State::OtherRedis, sight.other_redis};
    if (sight.is_elected && !sight.is_registered && now - sight.elected_at >= kUnregistered)
        return {State::Unregistered,
                "changes are not queued; it waits for " +
                    (sight.holders.empty() ? std::string("transactions in flight") : sight.holders)};
    if (sight.is_undrained)
        return {State::Blocked, "rows wait and nobody drains; the lock is held by " +
                                    (sight.holders.empty() ? std::string("nobody that is seen") : sight.holders)};
    if (sight.evicts)
        return {State::Evicting, "redis evicts keys when its memory is full"};
    if (!sight.shards_away.empty())
        return {State::SetAside, sight.shards_away + "; changes of " + std::to_string(sight.set_aside) +
                                     " students wait for it, and nothing of its students is found"};
    if (sight.set_aside > 0)
        return {State::SetAside, std::to_string(sight.set_aside) + " students whose values Redis refuses to remove"};
    if (!sight.events_refused.empty())
        return {State::EventsWait,
                "the stream takes no events, and their rows stay in the queue: " + sight.events_refused};
    if (sight.sweeps)
        return {State::Sweeping, {}};
    if (sight.behind_since != Time{} && now - sight.behind_since >= kBehind)
        return {State::CatchingUp, sight.progress};
    if (sight.cold) {
        auto standing = failed(*sight.cold, State::Cold);
        standing.detail = "values that were removed are not rebuilt: " + standing.detail;
        return standing;
    }
    if (sight.unreported)
        return failed(*sight.unreported, State::Blocked);
    if (!sight.is_registered)
        return {sight.is_elected ? State::Starting : State::Standby, {}};
    if (!sight.has_drained)
        return {};
    return {sight.is_busy ? State::Healthy : State::Idle, {}};
}

bool Announcer::announce(const Standing &standing)
{
    health_.tell(standing.state, standing.detail);
    if (standing.state == last_)
        return false;
    metrics_.set_state(standing.state);
    auto const line = standing.detail.empty() ? std::string(name(standing.state))
                                              : std::string(name(standing.state)) + ": " + standing.detail;
    bool const is_small = (last_ == State::Healthy && standing.state == State::Idle) ||
                          (last_ == State::Idle && standing.state == State::Healthy);
    if (is_small)
        log::debug("state {}", line);
    else if (is_well(standing.state) || is_logged(standing.state))
        log::info("state {}", line);
    else
        log::warning("state {}", line);
    last_ = standing.state;
    return true;
}

}  // namespace wc::app
