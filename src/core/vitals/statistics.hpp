// What a series of measurements amounts to.
#pragma once
#include <cstdint>

#include "core/vitals/exact_sum.hpp"

namespace wc::vitals {

struct Statistics {
    std::int64_t count;
    double sum;  // infinite where it is too large for a double
    double average;
    double min;
    double max;
    double median;              // of an even number of values the mean of the two in the middle
    double standard_deviation;  // of the population: the square root of the mean squared distance from the average
};

/// Of `count` > 0 finite values, whose sum scaled by `kSumScale` is at hand.  Reorders the values: the median is found
/// by partial sorting, in linear time.
Statistics statistics(double *values, std::int64_t count, const ExactSum &scaled_sum) noexcept;

/// Sums of values scaled by it stay finite where plain ones would not; values above 1e-288 lose no bit.
inline constexpr double kSumScale = 0x1p-64;

/// To two decimals as JavaScript's Math.round(x * 100) / 100: halves go up, towards positive numbers.
double round_to_hundredth(double x) noexcept;
/// All but the count, to two decimals.
Statistics rounded(const Statistics &exact) noexcept;

}  // namespace wc::vitals
