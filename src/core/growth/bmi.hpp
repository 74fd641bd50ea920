// Body mass index, and the categories of a child's body mass index.
#pragma once
#include <string_view>

#include "core/growth/reference.hpp"

namespace wc::growth {

/// Returns the weight in kg divided by the square of the height in metres; infinite if that overflows.
inline double bmi(double height_cm, double weight_kg) noexcept
{
    double const metres = height_cm / 100;
    return weight_kg / (metres * metres);
}

/// Rounds to one decimal as JavaScript's Math.round(x * 10) / 10 does: halves go up.  REQUIRES: x ≥ 0.
inline double round_to_tenth(double x) noexcept
{
    constexpr double kNoFractions = 4503599627370496;  // 2^52: from here on every number is whole
    double const tenths = x * 10;
    if (!(tenths < kNoFractions))
        return tenths / 10;
    // Not floor(tenths + 0.5): that sum may round up by itself, as for the number before one half.  And no branch,
    // which would be guessed wrong every second time.
    double const whole = static_cast<double>(static_cast<std::int64_t>(tenths));
    return (whole + static_cast<double>(tenths - whole >= 0.5)) / 10;
}

enum class Category : std::uint8_t { Underweight, Healthy, Overweight, ObesityClass1, ObesityClass2, ObesityClass3 };

/// Returns the category by CDC's percentiles: underweight below P5, healthy below P85, overweight below P95, obesity
/// from P95; class 2 from 120 % of P95 or a BMI of 35, class 3 from 140 % of P95 or a BMI of 40, whichever comes first.
/// A value reaches a limit if it is at most 1e-12 of the limit below it, because value_at is not more exact than that.
Category bmi_category(const Norm &norm, double bmi) noexcept;
/// "underweight", "healthy", "overweight", "obesity class 1", "obesity class 2", "obesity class 3".
std::string_view name(Category category) noexcept;

/// Returns 100 · BMI / P95.
double percent_of_p95(const Norm &norm, double bmi) noexcept;

}  // namespace wc::growth
