#include "core/growth/chart_scale.hpp"

#include <algorithm>
#include <cmath>

#include "core/growth/zscore.hpp"

namespace wc::growth {
namespace {

constexpr int kFewestYears = 6;
constexpr double kOuterPercentile = 97;
constexpr double kMargin = 0.03;

void choose_years(const Chart &chart, Scale &scale) noexcept
{
    double youngest = kLastYear;
    double oldest = kFirstYear;
    for (std::size_t i = 0; i < chart.count; ++i) {
        if (!is_of_chart_age(chart.points[i].age_months))
            continue;
        youngest = std::min(youngest, chart.points[i].age_months / 12);
        oldest = std::max(oldest, chart.points[i].age_months / 12);
    }
    scale.first_year = kFirstYear;
    scale.last_year = kLastYear;
    if (youngest > oldest)
        return;
    scale.first_year = std::max(kFirstYear, static_cast<int>(std::floor(youngest)) - 1);
    scale.last_year = std::min(kLastYear, static_cast<int>(std::ceil(oldest)) + 1);
    scale.last_year = std::min(kLastYear, std::max(scale.last_year, scale.first_year + kFewestYears));
    scale.first_year = std::max(kFirstYear, std::min(scale.first_year, scale.last_year - kFewestYears));
}

// 1, 2 or 5 times a power of ten, and not less than `least`.
double round_step(double least) noexcept
{
    double const power = std::pow(10, std::floor(std::log10(least)));
    for (double const factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= least)
            return factor * power;
    }
    return 10 * power;
}

void choose_values(const Chart &chart, Scale &scale) noexcept
{
    double lowest = INFINITY;
    double highest = 0;
    for (int month = scale.first_year * 12; month <= scale.last_year * 12; ++month) {
        lowest = std::min(lowest, curve_value(chart, 100 - kOuterPercentile, month));
        highest = std::max(highest, curve_value(chart, kOuterPercentile, month));
    }
    for (std::size_t i = 0; i < chart.count; ++i) {
        if (chart.points[i].is_implausible || !is_of_chart_age(chart.points[i].age_months))
            continue;
        lowest = std::min(lowest, chart.points[i].value);
        highest = std::max(highest, chart.points[i].value);
    }
    double const margin = (highest - lowest) * kMargin;
    scale.lowest = std::max(0.0, lowest - margin);
    scale.highest = highest + margin;
}

}  // namespace

double curve_value(const Chart &chart, double percentile, double age_months) noexcept
{
    Norm norm;
    Sex const sex = chart.sex == Sex::Other ? Sex::Male : chart.sex;
    if (!cdc_norm(chart.measure, sex, reference_age(age_months), norm))
        return NAN;
    return value_at(norm, percentile);
}

Scale make_scale(const Chart &chart, double left, double right, double top, double bottom, double text) noexcept
{
    Scale scale{};
    scale.left = left;
    scale.right = right;
    scale.top = top;
    scale.bottom = bottom;
    choose_years(chart, scale);
    choose_values(chart, scale);
    int const years = scale.last_year - scale.first_year;
    scale.year_step = 1;
    while (scale.year_step < years && (right - left) * scale.year_step / years < 1.9 * text)
        ++scale.year_step;
    scale.value_step = round_step((scale.highest - scale.lowest) * 2.4 * text / (bottom - top));
    return scale;
}

}  // namespace wc::growth
