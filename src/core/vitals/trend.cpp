#include "core/vitals/trend.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/vitals/statistics.hpp"

namespace wc::vitals {
namespace {

constexpr double kStablePercent = 5;
constexpr double kMicrosecondsIn30Days = 30.0 * 86400e6;
constexpr double kScale = kSumScale;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double finite_or_none(double value) noexcept { return std::isfinite(value) ? value : kNone; }

}  // namespace

const char *name(Direction direction) noexcept
{
    switch (direction) {
        case Direction::Stable: return "stable";
        case Direction::Increasing: return "increasing";
        case Direction::Decreasing: return "decreasing";
    }
    return "";
}

double Trend::Moment::mean() const noexcept { return count == 1 ? sum.value() / kScale : sum.value() / count / kScale; }

void Trend::merge(Moment &moment, const Moment &other) noexcept
{
    moment.count += other.count;
    moment.sum.add(other.sum);
}

void Trend::add(std::int64_t at, double value) noexcept
{
    Trend one;
    one.points_ = 1;
    one.first_.at = at;
    one.first_.count = 1;
    one.first_.sum.add(value * kScale);
    one.last_ = one.first_;
    one.min_ = one.max_ = value;
    one.scaled_values_.add(value * kScale);
    one.values_.add(value);
    auto const time = static_cast<double>(at);
    one.times_.add(time);
    one.squared_values_.add_product(value, value);
    one.squared_times_.add_product(time, time);
    one.products_.add_product(time, value);
    add(one);
}

void Trend::add(const Trend &other) noexcept
{
    if (other.points_ == 0)
        return;
    if (points_ == 0) {
        *this = other;
        return;
    }
    points_ += other.points_;
    if (other.first_.at < first_.at)
        first_ = other.first_;
    else if (other.first_.at == first_.at)
        merge(first_, other.first_);
    if (other.last_.at > last_.at)
        last_ = other.last_;
    else if (other.last_.at == last_.at)
        merge(last_, other.last_);
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    scaled_values_.add(other.scaled_values_);
    values_.add(other.values_);
    times_.add(other.times_);
    squared_values_.add(other.squared_values_);
    squared_times_.add(other.squared_times_);
    products_.add(other.products_);
}

double Trend::average() const noexcept
{
    // By rounding, the mean could be outside the range of the values.
    return std::clamp(scaled_values_.value() / static_cast<double>(points_) / kScale, min_, max_);
}

double Trend::change_rate() const noexcept
{
    double const first = first_.mean();
    double const last = last_.mean();
    double const base = std::abs(first);
    double const hundredfold = (last - first) * 100;  // multiply first: 100 → 105 then gives exactly 5
    return std::isfinite(hundredfold) ? hundredfold / base : (last / base - first / base) * 100;
}

Direction Trend::direction() const noexcept
{
    double const change = has_change_rate() ? change_rate() : last_.mean() - first_.mean();
    double const threshold = has_change_rate() ? kStablePercent : 0;
    if (change > threshold)
        return Direction::Increasing;
    return change < -threshold ? Direction::Decreasing : Direction::Stable;
}

double Trend::time_spread() const noexcept
{
    ExactSum const n{static_cast<double>(points_)};
    return difference_of_products(n, squared_times_, times_, times_);
}

double Trend::covariance() const noexcept
{
    ExactSum const n{static_cast<double>(points_)};
    return difference_of_products(n, products_, times_, values_);
}

double Trend::value_spread() const noexcept
{
    ExactSum const n{static_cast<double>(points_)};
    return difference_of_products(n, squared_values_, values_, values_);
}

double Trend::slope_per_30_days() const noexcept
{
    if (first_.at == last_.at)
        return kNone;
    return min_ == max_ ? 0 : finite_or_none(covariance() / time_spread() * kMicrosecondsIn30Days);
}

double Trend::r_squared() const noexcept
{
    if (first_.at == last_.at)
        return kNone;
    if (min_ == max_)
        return 1;
    double const together = covariance();
    double const share = finite_or_none((together / time_spread()) * (together / value_spread()));
    return std::isnan(share) ? kNone : std::clamp(share, 0.0, 1.0);
}

}  // namespace wc::vitals
