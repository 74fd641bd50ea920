#include "core/growth/zscore.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/growth/normal.hpp"

namespace wc::growth {
namespace {

constexpr double kBelow100 = 99.999999999999985789;  // the number before 100
constexpr double kBelow95 = 94.999999999999985789;   // and before 95
constexpr double kSmall = 1e-8;                      // x² is less than the rounding of 1

// ln(1 + w) / w, which is 1 at 0.
double log_of(double w) noexcept { return std::abs(w) < kSmall ? 1 - w / 2 : std::log1p(w) / w; }

// Whether the value lies in the extended tail, and how many σ from P95.
bool in_extended_tail(const Norm &norm, double value, double z, double &t) noexcept
{
    // Far from P95 the z-score tells; near it, the very value that is said to be P95 must count as in the tail.
    constexpr double kUndecided = 1e-6;
    if (norm.sigma == 0 || z < kZ95 - kUndecided)
        return false;
    double const p95 = lms_value(norm.lms, kZ95);
    t = (value - p95) / norm.sigma;
    return value >= p95;
}

constexpr double kSmallestShareAbove = 1.1059424805859581e-16;  // above z = 8.21

double extended_zscore(double t) noexcept
{
    double const share_above = 0.1 * normal_above(t);
    return share_above > kSmallestShareAbove ? std::max(normal_quantile_above(share_above), kZ95) : kLargestExtendedZ;
}

// The tail directly: 90 + 10·Φ(t) would round to 100.
double extended_percentile(double t) noexcept
{
    return 100 - 100 * std::max(0.1 * normal_above(t), kSmallestShareAbove);
}

double log_of_ratio(double value, double median) noexcept
{
    double const ratio = value / median;
    bool const is_normal = ratio >= std::numeric_limits<double>::min() && ratio <= std::numeric_limits<double>::max();
    return is_normal ? std::log(ratio) : std::log(value) - std::log(median);
}

// e^y − 1 loses 1e-16 of 1, which is nothing beside L·S unless L is near 0.
bool is_near_zero(double l) noexcept { return std::abs(l) < 0.01; }

double zscore_near_zero(const Lms &lms, double log) noexcept
{
    double const y = lms.l * log;
    return std::abs(y) < kSmall ? log / lms.s * (1 + y / 2) : std::expm1(y) / y * (log / lms.s);
}

double zscore_of_power(const Lms &lms, double power) noexcept { return (power - 1) / (lms.l * lms.s); }

// LMS z-scores, each step for all: calls of exp and log overlap, where the steps of one z-score wait for each other.
void lms_zscores(const Norm *norms, const double *values, double *results, std::size_t count) noexcept
{
    for (std::size_t i = 0; i < count; ++i)
        results[i] = log_of_ratio(values[i], norms[i].lms.m);
    for (std::size_t i = 0; i < count; ++i) {
        const Lms &lms = norms[i].lms;
        results[i] = is_near_zero(lms.l) ? zscore_near_zero(lms, results[i])
                                         : zscore_of_power(lms, std::exp(lms.l * results[i]));
    }
}

// What the extension makes of an LMS z-score.
double extended(const Norm &norm, double value, double z) noexcept
{
    double t = 0;
    if (in_extended_tail(norm, value, z, t))
        return extended_zscore(t);
    return norm.sigma == 0 ? z : std::min(z, kZ95);
}

double percentile_of(const Norm &norm, double value, double z) noexcept
{
    double t = 0;
    if (in_extended_tail(norm, value, z, t))
        return extended_percentile(t);
    return std::min(100 * normal_below(z), norm.sigma == 0 ? kBelow100 : kBelow95);
}

}  // namespace

double lms_zscore(const Lms &lms, double value) noexcept
{
    double const log = log_of_ratio(value, lms.m);
    return is_near_zero(lms.l) ? zscore_near_zero(lms, log) : zscore_of_power(lms, std::exp(lms.l * log));
}

double lms_value(const Lms &lms, double z) noexcept
{
    double const w = lms.l * lms.s * z;
    if (!(w > -1))
        return std::numeric_limits<double>::quiet_NaN();
    return lms.m * std::exp(lms.s * z * log_of(w));
}

double zscore(const Norm &norm, double value) noexcept { return extended(norm, value, lms_zscore(norm.lms, value)); }

void zscores(const Norm *norms, const double *values, double *results, std::size_t count) noexcept
{
    lms_zscores(norms, values, results, count);
    for (std::size_t i = 0; i < count; ++i)
        results[i] = extended(norms[i], values[i], results[i]);
}

double percentile(const Norm &norm, double value) noexcept
{
    return percentile_of(norm, value, lms_zscore(norm.lms, value));
}

void percentiles(const Norm *norms, const double *values, double *results, std::size_t count) noexcept
{
    lms_zscores(norms, values, results, count);
    for (std::size_t i = 0; i < count; ++i)
        results[i] = percentile_of(norms[i], values[i], results[i]);
}

double value_at(const Norm &norm, double percentile) noexcept
{
    if (norm.sigma != 0 && percentile >= 95)
        return lms_value(norm.lms, kZ95) + norm.sigma * normal_quantile_above((100 - percentile) / 10);
    double const z =
        percentile > 50 ? normal_quantile_above((100 - percentile) / 100) : normal_quantile(percentile / 100);
    return lms_value(norm.lms, z);
}

double modified_zscore(const Norm &norm, double value) noexcept
{
    double const distance = value - norm.lms.m;
    double const end = lms_value(norm.lms, distance < 0 ? -2 : 2);
    return distance / (0.5 * std::abs(end - norm.lms.m));
}

bool implausible(Measure measure, double modified_zscore) noexcept
{
    switch (measure) {
        case Measure::Bmi: return modified_zscore < -4 || modified_zscore > 8;
        case Measure::Height: return modified_zscore < -5 || modified_zscore > 4;
        case Measure::Weight: return modified_zscore < -5 || modified_zscore > 8;
    }
    return false;
}

}  // namespace wc::growth
