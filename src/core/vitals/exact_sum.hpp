// Sums that do not depend on the order of what is added.
#pragma once
#include <cmath>

namespace wc::vitals {

/// A sum held in two doubles, to about 106 bits (Knuth's TwoSum; Dekker, Numerische Mathematik 18, 1971).  Partial sums
/// of parallel workers, added in any order, give the same double, but for cases that lie within 1e-30 of a tie.
struct ExactSum {
    double high = 0;
    double low = 0;

    void add(double value) noexcept
    {
        double const sum = high + value;
        double const part = sum - high;
        low += (high - (sum - part)) + (value - part);
        high = sum;
    }
    void add(const ExactSum &other) noexcept
    {
        add(other.high);
        low += other.low;
    }
    void add_product(double a, double b) noexcept
    {
        double const product = a * b;
        add(product);
        low += std::fma(a, b, -product);
    }
    double value() const noexcept { return high + low; }
};

/// a·b − c·d, each known to 106 bits: where both products are nearly the same, their difference still has its digits.
inline double difference_of_products(const ExactSum &a, const ExactSum &b, const ExactSum &c,
                                     const ExactSum &d) noexcept
{
    ExactSum sum;
    sum.add_product(a.high, b.high);
    sum.add_product(-c.high, d.high);
    sum.add(a.high * b.low + a.low * b.high);
    sum.add(-(c.high * d.low + c.low * d.high));
    return sum.value();
}

}  // namespace wc::vitals
