// What goes wrong outside the worker: a server that is away, slow, or says no.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace wc::app {

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

/// Thrown by every port.  The connection that threw it is not to be used any more.  The text names no
/// password and no health data.
class Failure : public std::runtime_error {
public:
    Failure(Part part, const std::string &what) : std::runtime_error(what), part_(part) {}
    Part part() const noexcept { return part_; }

private:
    Part part_;
};

}  // namespace wc::app
