#include "app/stale_share.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace wc::app {
namespace {

constexpr double kRisk = 0.05;
// Halvings of the interval 0 to 1: more than a double has digits.
constexpr int kHalvings = 100;
constexpr int kMostTerms = 10000;

// The continued fraction of the incomplete beta function: NIST Digital Library of Mathematical Functions, 8.17.22,
// evaluated from its front (J. Thompson and A. R. Barnett, 1986).  It converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x)
{
    constexpr double kTiny = std::numeric_limits<double>::min() * 1e10;
    auto const kept_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
    double c = 1, d = 1 / kept_from_zero(1 - (a + b) * x / (a + 1));
    double fraction = d;
    for (int m = 1; m < kMostTerms; ++m) {
        double const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double change = 1;
        for (double const term : {even, odd}) {
            d = 1 / kept_from_zero(1 + term * d);
            c = kept_from_zero(1 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (std::abs(change - 1) < 1e-14)
            break;
    }
    return fraction;
}

// The regularized incomplete beta function I_x(a, b), for 0 < x < 1.
double beta_share(double a, double b, double x)
{
    int sign = 0;
    // std::lgamma writes its sign into a variable of all threads.
    auto const log_gamma = [&sign](double of) { return lgamma_r(of, &sign); };
    double const front =
        std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

double stale_share_at_most(std::int64_t stale, std::int64_t checked)
{
    if (stale >= checked)
        return 1;
    auto const n = static_cast<double>(checked);
    if (stale == 0)
        return -std::expm1(std::log(kRisk) / n);
    // A binomial variable is at most `stale` with probability 1 - I_p(stale + 1, checked - stale): DLMF 8.17.5.
    auto const k = static_cast<double>(stale);
    double low = k / n, high = 1;
    for (int i = 0; i < kHalvings && low < high; ++i) {
        double const middle = (low + high) / 2;
        if (middle <= low || middle >= high)
            break;
        (1 - beta_share(k + 1, n - k, middle) > kRisk ? low : high) = middle;
    }
    return high;
}

std::string nines(double stale_share)
{
    double const left = std::clamp(stale_share, 0.0, 1.0) * 100;
    int const digits = left > 0 ? std::clamp(static_cast<int>(-std::floor(std::log10(left))), 0, 12) : 0;
    return fmt::format("{:.{}f} %", 100 - left, digits);
}

}  // namespace wc::app
