#include "core/growth/normal.hpp"

#include <cmath>
#include <cstddef>

namespace wc::growth {
namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;

// AS 241, PPND16: three rational functions of degree 7, coefficients as published, the constant first.
constexpr double kMiddle[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                              1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                              3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr double kMiddleBelow[] = {1,
                                   4.2313330701600911252e1,
                                   6.8718700749205790830e2,
                                   5.3941960214247511077e3,
                                   2.1213794301586595867e4,
                                   3.9307895800092710610e4,
                                   2.8729085735721942674e4,
                                   5.2264952788528545610e3};
constexpr double kTail[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                            3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                            2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double kTailBelow[] = {1,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
constexpr double kFarTail[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                               2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kFarTailBelow[] = {1,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15};

double polynomial(const double (&coefficients)[8], double x) noexcept
{
    double sum = 0;
    for (std::size_t i = 8; i > 0; --i)
        sum = sum * x + coefficients[i - 1];
    return sum;
}

// The distance from 0 at which a share below 0.075 is left.
double distance(double share) noexcept
{
    double const r = std::sqrt(-std::log(share));
    if (r <= 5)
        return polynomial(kTail, r - 1.6) / polynomial(kTailBelow, r - 1.6);
    return polynomial(kFarTail, r - 5) / polynomial(kFarTailBelow, r - 5);
}

// The quantile at ½ + q, |q| ≤ 0.425.
double near_the_middle(double q) noexcept
{
    double const r = 0.180625 - q * q;
    return q * polynomial(kMiddle, r) / polynomial(kMiddleBelow, r);
}

}  // namespace

double normal_below(double z) noexcept { return 0.5 * std::erfc(-z * kSqrtHalf); }

double normal_above(double z) noexcept { return 0.5 * std::erfc(z * kSqrtHalf); }

double normal_quantile(double p) noexcept
{
    double const q = p - 0.5;
    if (std::abs(q) <= 0.425)
        return near_the_middle(q);
    return q < 0 ? -distance(p) : distance(1 - p);
}

double normal_quantile_above(double q) noexcept { return -normal_quantile(q); }

}  // namespace wc::growth
