#include "core/growth/bmi.hpp"

#include "core/growth/zscore.hpp"

namespace wc::growth {

constexpr double kZ5 = -kZ95;
constexpr double kZ85 = 1.0364333894937898;

namespace {

// A value that was computed to be a limit may fall short of it in its last digits: by the rounding of the quantile, of
// a power and of a logarithm, some 1e-14 of the value.  No scale and no stadiometer tells a hundred times that.
constexpr double kPrecision = 1e-12;

bool reaches(double value, double limit) noexcept { return value >= limit * (1 - kPrecision); }

}  // namespace

// By values and not by z-scores, so that a BMI of exactly P95 is obesity.
Category bmi_category(const Norm &norm, double bmi) noexcept
{
    double const p95 = lms_value(norm.lms, kZ95);
    if (!reaches(bmi, p95)) {
        if (!reaches(bmi, lms_value(norm.lms, kZ5)))
            return Category::Underweight;
        return reaches(bmi, lms_value(norm.lms, kZ85)) ? Category::Overweight : Category::Healthy;
    }
    if (reaches(bmi, 1.4 * p95) || reaches(bmi, 40))
        return Category::ObesityClass3;
    return reaches(bmi, 1.2 * p95) || reaches(bmi, 35) ? Category::ObesityClass2 : Category::ObesityClass1;
}

std::string_view name(Category category) noexcept
{
    switch (category) {
        case Category::Underweight: return "underweight";
        case Category::Healthy: return "healthy";
        case Category::Overweight: return "overweight";
        case Category::ObesityClass1: return "obesity class 1";
        case Category::ObesityClass2: return "obesity class 2";
        case Category::ObesityClass3: return "obesity class 3";
    }
    return "";
}

double percent_of_p95(const Norm &norm, double bmi) noexcept { return 100 * (bmi / lms_value(norm.lms, kZ95)); }

}  // namespace wc::growth
