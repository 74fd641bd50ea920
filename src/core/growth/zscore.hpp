// Where a value stands in a growth reference, and which value stands at a place in it.
//
// Values are positive and in the measure's unit; percentiles are in percent.  No result for a finite value is NaN.
// All results rise with the value, without jumps.
#pragma once
#include "core/growth/reference.hpp"

namespace wc::growth {

inline constexpr double kZ95 = 1.6448536269514722;
/// CDC's upper limit of the extended BMI's z-score: beyond it a percentile would round to 100.
inline constexpr double kLargestExtendedZ = 8.21;

/// Returns Cole & Green's ((x/M)^L − 1) / (L·S), or ln(x/M)/S at L = 0; infinite if that overflows.
double lms_zscore(const Lms &lms, double value) noexcept;
/// Returns its inverse, M·(1 + L·S·z)^(1/L), or M·exp(S·z) at L = 0.  Returns NaN if 1 + L·S·z ≤ 0: no value has that
/// z.
double lms_value(const Lms &lms, double z) noexcept;

/// Returns the z-score.  Above P95 of the extended BMI it is the quantile of the percentile, at most 8.21.
double zscore(const Norm &norm, double value) noexcept;
/// Does the same for many values, with the same results to the last bit.  It is faster because logarithms and powers
/// then follow each other without other work between them.
void zscores(const Norm *norms, const double *values, double *results, std::size_t count) noexcept;
/// Returns 100·Φ(z), 0 ≤ percentile < 100.  Above P95 of the extended BMI it is 90 + 10·Φ((value − P95)/σ).
double percentile(const Norm &norm, double value) noexcept;
void percentiles(const Norm *norms, const double *values, double *results, std::size_t count) noexcept;
/// Returns the value at a percentile, 0 < percentile < 100; NaN if plain LMS has no value there.
double value_at(const Norm &norm, double percentile) noexcept;

/// Returns CDC's modified z-score, which flags outliers: the distance from the median, divided by half the distance
/// from the median to z = ±2.  It takes LMS alone, without the extension.  NaN if the reference has no value at z = ±2.
double modified_zscore(const Norm &norm, double value) noexcept;
/// CDC's limits of what is biologically plausible: weight −5 to 8, height −5 to 4, BMI −4 to 8.
bool implausible(Measure measure, double modified_zscore) noexcept;

}  // namespace wc::growth
