#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

#include "core/vitals/trend.hpp"

namespace wc::vitals {
namespace {

Trend trend_of(std::initializer_list<double> values)
{
    Trend trend;
    std::int64_t at = 0;
    for (double const value : values)
        trend.add(at++, value);
    return trend;
}

TEST(VitalTrend, GoesWhereTheLastValueIsMoreThanFivePercentFromTheFirst)
{
    EXPECT_EQ(trend_of({100, 50, 105}).direction(), Direction::Stable);
    EXPECT_EQ(trend_of({100, 105.01}).direction(), Direction::Increasing);
    EXPECT_EQ(trend_of({100, 95}).direction(), Direction::Stable);
    EXPECT_EQ(trend_of({100, 94.9}).direction(), Direction::Decreasing);
    EXPECT_EQ(trend_of({37}).direction(), Direction::Stable);
    EXPECT_EQ(trend_of({-10, -9}).direction(), Direction::Increasing);
}

TEST(VitalTrend, ChangeRateIsInPercentOfTheFirst)
{
    EXPECT_DOUBLE_EQ(trend_of({100, 80, 110}).change_rate(), 10);
    EXPECT_DOUBLE_EQ(trend_of({-10, -9}).change_rate(), 10);
}

TEST(VitalTrend, FromZeroThereIsNoRateButADirection)
{
    EXPECT_FALSE(trend_of({0, 1}).has_change_rate());
    EXPECT_EQ(trend_of({0, 1}).direction(), Direction::Increasing);
    EXPECT_EQ(trend_of({0, -1}).direction(), Direction::Decreasing);
    EXPECT_EQ(trend_of({0, 0}).direction(), Direction::Stable);
    EXPECT_FALSE(Trend().has_change_rate());
}

TEST(VitalTrend, AverageAndRange)
{
    Trend const trend = trend_of({36.5, 38, 37});
    EXPECT_EQ(trend.points(), 3);
    EXPECT_NEAR(trend.average(), 37.1666666666666667, 1e-12);
    EXPECT_EQ(trend.min(), 36.5);
    EXPECT_EQ(trend.max(), 38);
}

TEST(VitalTrend, StaysFiniteWhereASumWouldNot)
{
    double const huge = std::numeric_limits<double>::max();
    Trend const trend = trend_of({huge, huge, -huge});
    EXPECT_TRUE(std::isfinite(trend.average()));
    EXPECT_TRUE(std::isfinite(trend_of({huge, huge}).change_rate()));
}

TEST(VitalTrend, ARateOfNumbersThatAreTooLargeForAHundredfold)
{
    double const huge = std::numeric_limits<double>::max();
    EXPECT_DOUBLE_EQ(trend_of({huge / 2, huge}).change_rate(), 100);
    EXPECT_EQ(trend_of({huge / 2, huge}).direction(), Direction::Increasing);
}

TEST(VitalTrend, ValuesOfTheFirstAndOfTheLastMomentCountAsTheirMean)
{
    Trend trend;
    trend.add(20, 150);
    trend.add(10, 110);
    trend.add(20, 250);
    trend.add(10, 90);
    trend.add(15, 500);
    EXPECT_DOUBLE_EQ(trend.change_rate(), 100);
    // The same in two parts, as parallel workers have them.
    Trend one;
    Trend other;
    one.add(20, 150);
    one.add(10, 110);
    other.add(10, 90);
    other.add(15, 500);
    other.add(20, 250);
    one.add(other);
    EXPECT_EQ(one.change_rate(), trend.change_rate());
    EXPECT_EQ(one.points(), 5);
    EXPECT_EQ(one.average(), trend.average());
    EXPECT_EQ(one.slope_per_30_days(), trend.slope_per_30_days());
}

// Times as PostgreSQL has them, microseconds since 2000, and values that no double holds exactly.
TEST(VitalTrend, ALineIsAllExplainedAndEqualValuesHaveNoSlope)
{
    constexpr std::int64_t kDay = 86400LL * 1000000;
    for (int n = 2; n < 60; ++n) {
        Trend level;
        Trend line;
        for (int i = 0; i < n; ++i) {
            std::int64_t const at = 820454400LL * 1000000 + (i * 37 + i * i % 11) * kDay + 12345678901 * i;
            level.add(at, 36.6);
            line.add(at, 0.1 + 1e-9 * static_cast<double>(at - 820454400LL * 1000000) / 3);
        }
        EXPECT_EQ(level.slope_per_30_days(), 0);
        EXPECT_EQ(level.r_squared(), 1);
        EXPECT_EQ(level.average(), 36.6);
        EXPECT_NEAR(line.slope_per_30_days(), 1e-9 / 3 * 30 * static_cast<double>(kDay), 1e-6);
        EXPECT_LE(line.r_squared(), 1);
        EXPECT_NEAR(line.r_squared(), 1, 1e-9);
    }
}

TEST(VitalTrend, OfOneMomentThereIsNoLine)
{
    Trend trend;
    trend.add(7, 1);
    trend.add(7, 2);
    EXPECT_TRUE(std::isnan(trend.slope_per_30_days()));
    EXPECT_TRUE(std::isnan(trend.r_squared()));
}

}  // namespace
}  // namespace wc::vitals
