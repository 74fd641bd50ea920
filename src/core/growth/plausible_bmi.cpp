#include "core/growth/plausible_bmi.hpp"

#include <algorithm>
#include <cmath>

#include "core/growth/zscore.hpp"

namespace wc::growth {
namespace {

struct Limits {
    double lowest;
    double highest;
};

Limits find_limits() noexcept
{
    Limits limits{INFINITY, 0};
    for (Sex const sex : {Sex::Male, Sex::Female}) {
        for (int point = 0; point < kCdcPoints; ++point) {
            Lms const lms = cdc_point(Measure::Bmi, sex, point).lms;
            limits.lowest = std::min(limits.lowest, lms.m - 2 * (lms.m - lms_value(lms, -2)));
            limits.highest = std::max(limits.highest, lms.m + 4 * (lms_value(lms, 2) - lms.m));
        }
    }
    return limits;
}

}  // namespace

bool is_bmi_of_some_child(double bmi) noexcept
{
    static const Limits limits = find_limits();
    return bmi >= limits.lowest && bmi <= limits.highest;
}

}  // namespace wc::growth
