// The standard normal distribution, also in the far tails.  The relative error of a result is about 1e-15, or
// (z²)·1e-16 if that is more.
#pragma once

namespace wc::growth {

/// Returns Φ(z), the share below z: ½·erfc(−z/√2).
double normal_below(double z) noexcept;
/// Returns 1 − Φ(z), without the loss of digits of that subtraction.
double normal_above(double z) noexcept;

/// Returns the z that has the share p below it, 0 < p < 1 (Wichura, Algorithm AS 241, Applied Statistics 37, 1988).
double normal_quantile(double p) noexcept;
/// Returns the z that has the share q above it; q may be far smaller than the distance between numbers near 1.
double normal_quantile_above(double q) noexcept;

}  // namespace wc::growth
