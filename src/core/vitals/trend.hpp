// How a vital sign went over time.
#pragma once
#include <cstdint>

namespace wc::vitals {

enum class Direction { Stable, Increasing, Decreasing };

/// "stable", "increasing", "decreasing".
const char *name(Direction direction) noexcept;

/// Takes values in the order of time and keeps no more than what it reports.  Values are finite.
class Trend {
public:
    void add(double value) noexcept;

    std::int64_t points() const noexcept { return points_; }

    /// From the first value to the last, in percent of the first: beyond ±5 % it goes somewhere.  Where
    /// the first is 0, any difference counts.  Needs a point.
    Direction direction() const noexcept;

    /// (last − first) / |first| · 100.  Only where `has_change_rate`: the first value is not 0.
    double change_rate() const noexcept;
    bool has_change_rate() const noexcept { return points_ > 0 && first_ != 0; }

    double average() const noexcept { return mean_; }
    double min() const noexcept { return min_; }
    double max() const noexcept { return max_; }

private:
    std::int64_t points_ = 0;
    double first_ = 0;
    double last_ = 0;
    double mean_ = 0;
    double min_ = 0;
    double max_ = 0;
};

}  // namespace wc::vitals
