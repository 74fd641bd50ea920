// Units of vital signs: what stands beside a value, or behind it, and the value in the unit of the vital itself.
//
// A number alone is in the vital's own unit: cm, kg, degrees Celsius, kg/m2, mmHg, per minute, percent.  A unit that is
// not known makes a value that is not known: nobody guesses.  All functions are pure and thread-safe.
#pragma once
#include <cstdint>
#include <string_view>

namespace wc::vitals {

enum class Quantity : std::uint8_t { Height, Weight, Temperature, Bmi, Pressure, Rate, Saturation };

/// The quantity of a vital such as "height" or "bloodPressureSystolic"; false for any other name.
bool parse_vital(std::string_view name, Quantity &quantity) noexcept;

/// `value` in the quantity's own unit; NaN where it does not know the unit.  Upper and lower case, blanks around the
/// unit and a point behind it make no difference.  An empty unit is the quantity's own.
double in_own_unit(Quantity quantity, double value, std::string_view unit) noexcept;

/// A number that is text, with its unit: "80.5 lb", "5 ft 2 in", 5'2", "7lb 3oz", or "80.5" with `beside` as its unit.
/// NaN for any other text, where no unit is said or known, and where the two do not agree.
double parse_with_unit(Quantity quantity, std::string_view text, std::string_view beside) noexcept;

}  // namespace wc::vitals
