#include "core/vitals/trend.hpp"

#include <algorithm>
#include <cmath>

namespace wc::vitals {

constexpr double kStablePercent = 5;

const char *name(Direction direction) noexcept
{
    switch (direction) {
        case Direction::Stable: return "stable";
        case Direction::Increasing: return "increasing";
        case Direction::Decreasing: return "decreasing";
    }
    return "";
}

void Trend::add(double value) noexcept
{
    if (points_++ == 0)
        first_ = min_ = max_ = value;
    last_ = value;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    // A running mean: a plain sum could overflow where the mean does not.
    mean_ += value / static_cast<double>(points_) - mean_ / static_cast<double>(points_);
}

double Trend::change_rate() const noexcept
{
    double const base = std::abs(first_);
    double const hundredfold = (last_ - first_) * 100;  // first, so that 100 → 105 is 5 and not a little more
    return std::isfinite(hundredfold) ? hundredfold / base : (last_ / base - first_ / base) * 100;
}

Direction Trend::direction() const noexcept
{
    double const change = first_ != 0 ? change_rate() : last_ - first_;
    double const threshold = first_ != 0 ? kStablePercent : 0;
    if (change > threshold)
        return Direction::Increasing;
    return change < -threshold ? Direction::Decreasing : Direction::Stable;
}

}  // namespace wc::vitals
