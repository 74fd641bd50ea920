#include "core/vitals/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace wc::vitals {
namespace {

double mean_of_two(double a, double b) noexcept { return a / 2 + b / 2; }

double median_of(double *values, std::int64_t count) noexcept
{
    double *const middle = values + count / 2;
    std::nth_element(values, middle, values + count);
    return count % 2 != 0 ? *middle : mean_of_two(*std::max_element(values, middle), *middle);
}

// By distances from the average, not by squares of the values: nothing cancels.
double deviation_of(const double *values, std::int64_t count, double average, double largest) noexcept
{
    if (largest == 0)
        return 0;
    // Squares of very large or very small distances would leave the range of a double.
    int exponent = 0;
    std::frexp(largest, &exponent);
    double const scale = exponent > 400 || exponent < -400 ? std::ldexp(1.0, -exponent) : 1.0;
    ExactSum squares;
    for (std::int64_t i = 0; i < count; ++i) {
        double const distance = values[i] * scale - average * scale;
        squares.add(distance * distance);
    }
    return std::sqrt(squares.value() / static_cast<double>(count)) / scale;
}

}  // namespace

Statistics statistics(double *values, std::int64_t count, const ExactSum &scaled_sum) noexcept
{
    Statistics found{};
    found.count = count;
    auto const [min, max] = std::minmax_element(values, values + count);
    found.min = *min;
    found.max = *max;
    found.sum = scaled_sum.value() / kSumScale;
    // Rounding could put the mean of equal values beside them.
    found.average = std::clamp(scaled_sum.value() / static_cast<double>(count) / kSumScale, found.min, found.max);
    double const largest =
        std::max(std::abs(found.min / 2 - found.average / 2), std::abs(found.max / 2 - found.average / 2));
    found.standard_deviation = deviation_of(values, count, found.average, largest);
    found.median = median_of(values, count);
    return found;
}

double round_to_hundredth(double x) noexcept
{
    double const hundreds = x * 100;
    double const below = std::floor(hundreds);
    if (!std::isfinite(hundreds))
        return x;
    // Not floor(hundreds + 0.5): that sum may round up by itself.  Adding 0 makes −0 plain.
    return (hundreds - below >= 0.5 ? below + 1 : below) / 100 + 0.0;
}

Statistics rounded(const Statistics &exact) noexcept
{
    Statistics result = exact;
    for (double *const value :
         {&result.sum, &result.average, &result.min, &result.max, &result.median, &result.standard_deviation})
        *value = round_to_hundredth(*value);
    return result;
}

}  // namespace wc::vitals
