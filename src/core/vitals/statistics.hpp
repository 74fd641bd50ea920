// Statistics of a series of measurements.
#pragma once
#include <cstdint>

#include "core/vitals/exact_sum.hpp"

namespace wc::vitals {

struct Statistics {
    std::int64_t count;
    double sum;  // infinite if it is too large for a double
    double average;
    double min;
    double max;
    double median;              // for an even number of values, the mean of the two in the middle
    double standard_deviation;  // of the population: the square root of the mean squared distance from the average
};

/// Computes the statistics of `count` values.  `scaled_sum` is their sum times kSumScale.  Reorders the values, because
/// it finds the median by partial sorting, in linear time.
///
/// REQUIRES: count > 0, and the values are finite.
Statistics statistics(double *values, std::int64_t count, const ExactSum &scaled_sum) noexcept;

/// A sum of values times kSumScale is finite even if the plain sum would overflow.  Values above 1e-288 lose no bit by
/// it.
inline constexpr double kSumScale = 0x1p-64;

/// Rounds to two decimals as JavaScript's Math.round(x * 100) / 100: halves go up, towards positive infinity.
double round_to_hundredth(double x) noexcept;
/// Rounds all members but the count to two decimals.
Statistics rounded(const Statistics &exact) noexcept;

}  // namespace wc::vitals
