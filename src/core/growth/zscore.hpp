// Where a value stands in a growth reference, and the value that stands somewhere.
//
// Values are in the measure's unit and positive; percentiles in percent.  No result for a finite value is NaN.
// Everything rises with the value and is continuous in it.
#pragma once
#include "core/growth/reference.hpp"

namespace wc::growth {

inline constexpr double kZ95 = 1.6448536269514722;
/// CDC's cap of the extended BMI's z-score: beyond it a percentile would round to 100.
inline constexpr double kLargestExtendedZ = 8.21;

/// Cole & Green: ((x/M)^L − 1) / (L·S), and ln(x/M)/S at L = 0.  Infinite where that overflows.
double lms_zscore(const Lms &lms, double value) noexcept;
/// Its inverse, M·(1 + L·S·z)^(1/L), and M·exp(S·z) at L = 0.  NaN where there is none: 1 + L·S·z ≤ 0.
double lms_value(const Lms &lms, double z) noexcept;

/// The z-score; above P95 of the extended BMI the quantile of the percentile, at most 8.21.
double zscore(const Norm &norm, double value) noexcept;
/// The same of many, and to the last bit; faster, because logarithms and powers then follow each other undisturbed.
void zscores(const Norm *norms, const double *values, double *results, std::size_t count) noexcept;
/// 100·Φ(z), 0 ≤ percentile < 100; above P95 of the extended BMI 90 + 10·Φ((value − P95)/σ).
double percentile(const Norm &norm, double value) noexcept;
void percentiles(const Norm *norms, const double *values, double *results, std::size_t count) noexcept;
/// The value at a percentile, 0 < percentile < 100.  NaN where plain LMS has none.
double value_at(const Norm &norm, double percentile) noexcept;

/// The distance from the median in halves of the distance from the median to z = ±2 (CDC's modified z-score, for
/// flagging outliers): LMS alone, without the extension.  NaN where the reference has no value at z = ±2.
double modified_zscore(const Norm &norm, double value) noexcept;
/// CDC's limits of what is biologically plausible: weight −5 to 8, height −5 to 4, BMI −4 to 8.
bool implausible(Measure measure, double modified_zscore) noexcept;

}  // namespace wc::growth
