#include <gtest/gtest.h>

#include <cmath>

#include "app/stale_share.hpp"

namespace wc::app {
namespace {

// The probability that at most k of n values are stale, summed up term by term.
double at_most(int k, int n, double p)
{
    double sum = 0, term = std::pow(1 - p, n);
    for (int i = 0; i <= k; ++i) {
        sum += term;
        term *= (n - i) * p / ((i + 1) * (1 - p));
    }
    return sum;
}

TEST(StaleShare, IsTheOneAtWhichSoFewAreFoundOnceInTwenty)
{
    for (int const n : {1, 2, 10, 59, 1000})
        for (int const k : {0, 1, 2, 5, 40}) {
            if (k >= n)
                continue;
            auto const share = stale_share_at_most(k, n);
            EXPECT_GT(share, static_cast<double>(k) / n);
            EXPECT_NEAR(at_most(k, n, share), 0.05, 1e-9) << k << " of " << n;
        }
}

TEST(StaleShare, FollowsTheRuleOfThree)
{
    EXPECT_NEAR(stale_share_at_most(0, 1234567) * 1234567, 2.9957, 0.0001);
    EXPECT_NEAR(stale_share_at_most(0, 100), 0.0295, 0.0001);
}

// 4.7439 and 6.2958 are the bounds of Poisson's distribution, which the binomial one comes close to.
TEST(StaleShare, IsKnownForLargeSamples)
{
    EXPECT_NEAR(stale_share_at_most(1, 10'000'000) * 1e7, 4.7439, 0.001);
    EXPECT_NEAR(stale_share_at_most(2, 10'000'000) * 1e7, 6.2958, 0.001);
    auto const half = stale_share_at_most(500'000, 1'000'000);
    EXPECT_GT(half, 0.5008);
    EXPECT_LT(half, 0.5009);
}

TEST(StaleShare, IsEverythingWhereNothingIsKnown)
{
    EXPECT_EQ(stale_share_at_most(0, 0), 1);
    EXPECT_EQ(stale_share_at_most(3, 3), 1);
    EXPECT_LT(stale_share_at_most(2, 3), 1);
}

TEST(Nines, ShowOneDigitOfWhatIsLeft)
{
    EXPECT_EQ(nines(stale_share_at_most(0, 1234567)), "99.9998 %");
    EXPECT_EQ(nines(stale_share_at_most(0, 300)), "99.0 %");
    EXPECT_EQ(nines(stale_share_at_most(0, 1000)), "99.7 %");
    EXPECT_EQ(nines(stale_share_at_most(0, 1)), "5 %");
    EXPECT_EQ(nines(1), "0 %");
    EXPECT_EQ(nines(0), "100 %");
}

}  // namespace
}  // namespace wc::app
