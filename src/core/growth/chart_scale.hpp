// Where an age and a value are on the picture.
#pragma once
#include "core/growth/chart.hpp"

namespace wc::growth {

/// The ages and values that a chart shows, and the pixels that they take.
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

/// Returns whether a chart can show this point.
constexpr bool is_of_chart_age(double age_months) noexcept
{
    return age_months >= kFirstYear * 12 && age_months <= kLastYear * 12;
}

/// The last age of the reference in a chart's last year, and the first age in its first year.
constexpr double reference_age(double age_months) noexcept
{
    return age_months < kCdcEndAge ? age_months : kCdcEndAge - 1e-6;
}

/// Returns the value at a percentile and an age.  Takes the reference of boys for a sex without a reference.
double curve_value(const Chart &chart, double percentile, double age_months) noexcept;

/// Returns the scale of a plot between these pixels.  It shows the child's years and one year on each side, at least
/// six years, all values between the outer curves, and all plausible points.  `text` is the height of the text.
Scale make_scale(const Chart &chart, double left, double right, double top, double bottom, double text) noexcept;

}  // namespace wc::growth
