// Failures outside the worker: a server that cannot be reached, is slow, or refuses.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

#include "process/printable.hpp"

namespace wc {

/// The two servers, and the building of values, which may fail for reasons of its own.
enum class Part { Postgres, Redis, Prewarm };

constexpr std::string_view name(Part part) noexcept
{
    switch (part) {
        case Part::Postgres: return "postgres";
        case Part::Redis: return "redis";
        case Part::Prewarm: return "prewarm";
    }
    return "";
}

/// Why a server refused, where the operator has to act differently.
enum class Cause {
    Other,
    NoRights,
    ReadOnly,
    FullDisk,   ///< no room: on its disk, or in the memory that it may use
    OtherKeys,  ///< keys that are made here are not those that are made there
    Locked,     ///< another session held the lock until the time-out
};

/// Thrown by every port.  The connection that threw it is not to be used any more.  The text names no
/// password and no health data.
class Failure : public std::runtime_error {
public:
    /// `what` may be what a server said: control characters are not kept, nor more than a line can take.
    Failure(Part part, const std::string &what, Cause cause = Cause::Other)
        : std::runtime_error(printable(what)), part_(part), cause_(cause)
    {}
    Part part() const noexcept { return part_; }
    Cause cause() const noexcept { return cause_; }

private:
    Part part_;
    Cause cause_;
};

}  // namespace wc
