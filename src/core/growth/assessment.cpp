#include "core/growth/assessment.hpp"

#include <cmath>
#include <limits>

#include "core/growth/zscore.hpp"

namespace wc::growth {
namespace {

bool is_measured(double value) noexcept { return value > 0 && std::isfinite(value); }

}  // namespace

double value_of(const Measurement &measurement, Measure measure) noexcept
{
    double value = std::numeric_limits<double>::quiet_NaN();
    switch (measure) {
        case Measure::Height: value = measurement.height_cm; break;
        case Measure::Weight: value = measurement.weight_kg; break;
        case Measure::Bmi:
            value = is_measured(measurement.height_cm) && is_measured(measurement.weight_kg)
                        ? bmi(measurement.height_cm, measurement.weight_kg)
                        : measurement.bmi;
            break;
    }
    return is_measured(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

bool Assessment::is_implausible() const noexcept
{
    for (Standing const &standing : of) {
        if (standing.is_known && standing.is_implausible)
            return true;
    }
    return false;
}

Assessment assess(Sex sex, double age_months, const Measurement &measurement) noexcept
{
    Assessment found{};
    for (Measure const measure : {Measure::Bmi, Measure::Height, Measure::Weight}) {
        double const value = value_of(measurement, measure);
        Norm norm;
        if (std::isnan(value) || !cdc_norm(measure, sex, age_months, norm))
            continue;
        Standing &standing = found.of[static_cast<int>(measure)];
        standing.zscore = zscore(norm, value);
        standing.percentile = percentile(norm, value);
        standing.is_implausible = implausible(measure, modified_zscore(norm, value));
        // A value far beyond anything that lived: flagged above, and no number to show.
        standing.is_known = std::isfinite(standing.zscore);
        if (measure == Measure::Bmi && standing.is_known) {
            found.has_category = true;
            found.category = bmi_category(norm, value);
        }
    }
    return found;
}

}  // namespace wc::growth
