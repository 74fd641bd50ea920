// The standard normal distribution, the far tails included: to about 1e-15 of each result, and (z²)·1e-16 where that is
// more.
#pragma once

namespace wc::growth {

/// Φ(z), the share below z: ½·erfc(−z/√2).
double normal_below(double z) noexcept;
/// 1 − Φ(z), without the cancellation.
double normal_above(double z) noexcept;

/// z with share p below it, 0 < p < 1 (Wichura, Algorithm AS 241, Applied Statistics 37, 1988).
double normal_quantile(double p) noexcept;
/// z with share q above it, which may be far smaller than the spacing of numbers near 1.
double normal_quantile_above(double q) noexcept;

}  // namespace wc::growth
