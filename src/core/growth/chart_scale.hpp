// Where on the picture an age and a value are.
#pragma once
#include "core/growth/chart.hpp"

namespace wc::growth {

/// Ages and values that a chart shows, and the pixels that they take.
struct Scale {
    double left;
    double right;
    double top;
    double bottom;
    int first_year;
    int last_year;
    double lowest;
    double highest;
    int year_step;  // between numbers on the axis
    double value_step;

    double x(double age_months) const noexcept
    {
        return left + (age_months / 12 - first_year) * (right - left) / (last_year - first_year);
    }
    double y(double value) const noexcept { return bottom - (value - lowest) * (bottom - top) / (highest - lowest); }
    bool shows(double value) const noexcept { return value >= lowest && value <= highest; }
};

inline constexpr int kFirstYear = 2;
inline constexpr int kLastYear = 20;

/// Whether a chart can show a point at all.
constexpr bool is_of_chart_age(double age_months) noexcept
{
    return age_months >= kFirstYear * 12 && age_months <= kLastYear * 12;
}

/// The last age of the reference that is in a chart's last year, and the first in its first.
constexpr double reference_age(double age_months) noexcept
{
    return age_months < kCdcEndAge ? age_months : kCdcEndAge - 1e-6;
}

/// The value at a percentile and an age; of boys where the sex has no reference.
double curve_value(const Chart &chart, double percentile, double age_months) noexcept;

/// A scale for a plot between these pixels: the child's years and one on each side, at least six; all values between
/// the outer curves, and those of plausible points.  `text` is the height of its text.
Scale make_scale(const Chart &chart, double left, double right, double top, double bottom, double text) noexcept;

}  // namespace wc::growth
