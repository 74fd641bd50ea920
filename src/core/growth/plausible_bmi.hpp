// Tells a BMI that a child can have from one that is a mistake.
#pragma once

namespace wc::growth {

/// Returns whether a BMI is within CDC's limits (modified z-scores of −4 to 8) for any age of the reference and either
/// sex. For callers that do not know age and sex.  A height in inches or metres gives a BMI outside these limits.
bool is_bmi_of_some_child(double bmi) noexcept;

}  // namespace wc::growth
