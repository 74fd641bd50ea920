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

}  // namespace
}  // namespace wc::vitals
