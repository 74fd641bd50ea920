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

bool is_bmi_measured(const Measurement &measurement) noexcept
{
    return (is_measured(measurement.height_cm) && is_measured(measurement.weight_kg)) || is_measured(measurement.bmi);
}

bool Assessment::is_implausible() const noexcept
{
    for (Standing const &standing : of) {
        if (standing.is_implausible)
            return true;
    }
    return false;
}

namespace {

bool is_implausible_for(Sex sex, Measure measure, double age_months, double value) noexcept
{
    Norm norm;
    return cdc_norm(measure, sex, age_months, norm) && implausible(measure, modified_zscore(norm, value));
}

}  // namespace

bool implausible_for(Measure measure, Sex sex, double age_months, double value) noexcept
{
    if (sex != Sex::Other)
        return is_implausible_for(sex, measure, age_months, value);
    return is_implausible_for(Sex::Male, measure, age_months, value) &&
           is_implausible_for(Sex::Female, measure, age_months, value);
}

Assessment assess(Sex sex, double age_months, const Measurement &measurement) noexcept
{
    Assessment found{};
    for (Measure const measure : {Measure::Bmi, Measure::Height, Measure::Weight}) {
        double const value = value_of(measurement, measure);
        Standing &standing = found.of[static_cast<int>(measure)];
        if (std::isnan(value)) {
            // Height and weight so far from anything that lived that their BMI is no number.
            standing.is_implausible = measure == Measure::Bmi && is_bmi_measured(measurement);
            continue;
        }
        standing.is_implausible = implausible_for(measure, sex, age_months, value);
        Norm norm;
        if (!cdc_norm(measure, sex, age_months, norm))
            continue;
        standing.zscore = zscore(norm, value);
        standing.percentile = percentile(norm, value);
        standing.is_known = std::isfinite(standing.zscore);
        if (measure == Measure::Bmi && standing.is_known) {
            found.has_category = true;
            found.category = bmi_category(norm, value);
        }
    }
    return found;
}

}  // namespace wc::growth
