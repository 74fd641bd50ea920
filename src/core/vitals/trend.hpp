// How a vital sign went over time.
#pragma once
#include <cstdint>

#include "core/vitals/exact_sum.hpp"

namespace wc::vitals {

enum class Direction { Stable, Increasing, Decreasing };

/// "stable", "increasing", "decreasing".
const char *name(Direction direction) noexcept;

/// Takes values with their times, in any order, and keeps no more than what it reports.  Values are finite; times are
/// microseconds since any fixed moment.  If several values have the first or the last moment, their mean counts,
/// because their order is unknown.
class Trend {
public:
    void add(std::int64_t at, double value) noexcept;
    /// Adds all values that `other` has.
    void add(const Trend &other) noexcept;

    std::int64_t points() const noexcept { return points_; }

    /// Increasing or Decreasing if the last value differs from the first by more than 5 % of the first (of 0: at all);
    /// otherwise Stable.  REQUIRES: points() > 0.
    Direction direction() const noexcept;

    /// (last − first) / |first| · 100.  Only where `has_change_rate`: the first value is not 0.
    double change_rate() const noexcept;
    bool has_change_rate() const noexcept { return points_ > 0 && first_.mean() != 0; }

    double average() const noexcept;
    double min() const noexcept { return min_; }
    double max() const noexcept { return max_; }

    /// The least-squares line through all points: its slope in units of the value per 30 days.  NaN where all points
    /// are of one moment, and where it is too large for a double.
    double slope_per_30_days() const noexcept;
    /// How much of the variance that line explains, 0 to 1; 1 where all values are the same.  NaN where all points are
    /// of one moment, and where a number on the way is too large for a double.
    double r_squared() const noexcept;

private:
    // The values of one moment.
    struct Moment {
        std::int64_t at = 0;
        double count = 0;
        ExactSum sum;
        double mean() const noexcept;
    };
    static void merge(Moment &moment, const Moment &other) noexcept;

    // n·Σtt − (Σt)², n·Σtv − Σt·Σv, n·Σvv − (Σv)²
    double time_spread() const noexcept;
    double covariance() const noexcept;
    double value_spread() const noexcept;

    std::int64_t points_ = 0;
    Moment first_;
    Moment last_;
    double min_ = 0;
    double max_ = 0;
    ExactSum scaled_values_;
    ExactSum values_;
    ExactSum times_;
    ExactSum squared_values_;
    ExactSum squared_times_;
    ExactSum products_;
};

}  // namespace wc::vitals
