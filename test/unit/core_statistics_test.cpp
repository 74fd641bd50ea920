#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/vitals/statistics.hpp"
#include "core/vitals/trend.hpp"

namespace wc::vitals {
namespace {

Statistics statistics_of(std::vector<double> values)
{
    ExactSum sum;
    for (double const value : values)
        sum.add(value * kSumScale);
    return statistics(values.data(), static_cast<std::int64_t>(values.size()), sum);
}

TEST(Statistics, OfAFewValues)
{
    Statistics const found = statistics_of({36.6, 38.1, 37.0, 39.4});
    EXPECT_EQ(found.count, 4);
    EXPECT_DOUBLE_EQ(found.sum, 151.1);
    EXPECT_DOUBLE_EQ(found.average, 37.775);
    EXPECT_EQ(found.min, 36.6);
    EXPECT_EQ(found.max, 39.4);
    EXPECT_DOUBLE_EQ(found.median, 37.55);
    EXPECT_NEAR(found.standard_deviation, 1.0871407452579442, 1e-14);
}

TEST(Statistics, OfOneValue)
{
    Statistics const found = statistics_of({-0.1});
    EXPECT_EQ(found.median, -0.1);
    EXPECT_EQ(found.average, -0.1);
    EXPECT_EQ(found.standard_deviation, 0);
}

TEST(Statistics, TheMedianIsTheMiddleOfAnOddAndTheMeanOfAnEvenNumber)
{
    EXPECT_EQ(statistics_of({9, 1, 5}).median, 5);
    EXPECT_EQ(statistics_of({9, 1, 5, 6}).median, 5.5);
    EXPECT_EQ(statistics_of({2, 2, 1, 2, 2, 3}).median, 2);
}

TEST(Statistics, WhatManySmallDistancesFromALargeNumberAmountTo)
{
    // Σx² − (Σx)²/n would be noise alone.
    std::vector<double> values;
    for (int i = 0; i < 1000; ++i)
        values.push_back(1e9 + i % 2);
    EXPECT_EQ(statistics_of(values).standard_deviation, 0.5);
}

TEST(Statistics, LargeNumbers)
{
    double const huge = std::numeric_limits<double>::max();
    Statistics const found = statistics_of({huge, huge, -huge, -huge});
    EXPECT_EQ(found.sum, 0);
    EXPECT_EQ(found.standard_deviation, huge);
    EXPECT_EQ(statistics_of({huge, huge}).average, huge);
    EXPECT_EQ(statistics_of({huge, huge}).median, huge);
    EXPECT_TRUE(std::isinf(statistics_of({huge, huge}).sum));
    EXPECT_GT(statistics_of({1e-200, 3e-200}).standard_deviation, 0.99e-200);
}

TEST(Statistics, RoundsAsTheOldServiceDid)
{
    EXPECT_EQ(round_to_hundredth(2.345), 2.35);
    EXPECT_EQ(round_to_hundredth(1.005), 1);       // 100.49999999999999
    EXPECT_EQ(round_to_hundredth(-0.125), -0.12);  // halves go up
    EXPECT_EQ(round_to_hundredth(0.0049999999999999999), 0.01);
    EXPECT_FALSE(std::signbit(round_to_hundredth(-0.001)));
    EXPECT_EQ(round_to_hundredth(1e300), 1e300);
    EXPECT_EQ(round_to_hundredth(std::numeric_limits<double>::max()), std::numeric_limits<double>::max());
    Statistics const found = rounded(statistics_of({1, 2, 2}));
    EXPECT_EQ(found.average, 1.67);
    EXPECT_EQ(found.standard_deviation, 0.47);
    EXPECT_EQ(found.count, 3);
}

TEST(ExactSum, DoesNotDependOnTheOrder)
{
    std::mt19937_64 random(7);
    std::vector<double> values;
    for (int i = 0; i < 100'000; ++i)
        values.push_back(
            std::ldexp(static_cast<double>(random() % 1'000'000) - 500'000, static_cast<int>(random() % 60) - 30));
    auto const in_parts = [&](std::size_t parts) {
        ExactSum total;
        for (std::size_t part = 0; part < parts; ++part) {
            ExactSum sum;
            for (std::size_t i = part; i < values.size(); i += parts)
                sum.add(values[i]);
            total.add(sum);
        }
        return total.value();
    };
    double const whole = in_parts(1);
    EXPECT_EQ(whole, in_parts(7));
    std::shuffle(values.begin(), values.end(), random);
    EXPECT_EQ(whole, in_parts(3));
    // A plain sum does depend on it, so that the test can fail.
    double plain = 0;
    double backwards = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        plain += values[i];
        backwards += values[values.size() - 1 - i];
    }
    EXPECT_NE(plain, backwards);
}

constexpr std::int64_t kDay = 86'400'000'000;

TEST(VitalTrend, TakesPointsInAnyOrderAndInParts)
{
    std::mt19937_64 random(11);
    std::vector<std::pair<std::int64_t, double>> points;
    for (int i = 0; i < 5'000; ++i)
        points.emplace_back(800'000'000'000'000 + static_cast<std::int64_t>(random() % 2'000) * kDay,
                            36 + static_cast<double>(random() % 4'000) / 1'000);
    Trend whole;
    for (auto const &[at, value] : points)
        whole.add(at, value);
    std::shuffle(points.begin(), points.end(), random);
    Trend parts[3];
    for (std::size_t i = 0; i < points.size(); ++i)
        parts[i % 3].add(points[i].first, points[i].second);
    Trend together;
    for (Trend const &part : parts)
        together.add(part);
    EXPECT_EQ(together.points(), whole.points());
    EXPECT_EQ(together.change_rate(), whole.change_rate());
    EXPECT_EQ(together.average(), whole.average());
    EXPECT_EQ(together.slope_per_30_days(), whole.slope_per_30_days());
    EXPECT_EQ(together.r_squared(), whole.r_squared());
}

TEST(VitalTrend, TheLineOfPointsOnALine)
{
    Trend trend;
    for (int i = 0; i < 12; ++i)  // 0.5 a day, at times far from the origin
        trend.add(900'000'000'000'000 + i * kDay, 100 + 0.5 * i);
    EXPECT_DOUBLE_EQ(trend.slope_per_30_days(), 15);
    EXPECT_DOUBLE_EQ(trend.r_squared(), 1);
}

TEST(VitalTrend, ThereIsNoLineThroughOneMoment)
{
    Trend trend;
    trend.add(5, 1);
    EXPECT_TRUE(std::isnan(trend.slope_per_30_days()));
    trend.add(5, 2);
    EXPECT_TRUE(std::isnan(trend.slope_per_30_days()));
    EXPECT_TRUE(std::isnan(trend.r_squared()));
    trend.add(6, 1);
    EXPECT_FALSE(std::isnan(trend.slope_per_30_days()));
}

TEST(VitalTrend, EqualValuesAreALevelLineThatExplainsAll)
{
    Trend trend;
    for (int i = 0; i < 10; ++i)
        trend.add(i * kDay, 0.1);
    EXPECT_EQ(trend.slope_per_30_days(), 0);
    EXPECT_EQ(trend.r_squared(), 1);
    EXPECT_EQ(trend.average(), 0.1);
}

TEST(VitalTrend, SeveralValuesOfTheFirstMomentCountAsTheirMean)
{
    Trend forwards;
    forwards.add(0, 90);
    forwards.add(0, 110);
    forwards.add(9, 110);
    EXPECT_DOUBLE_EQ(forwards.change_rate(), 10);
    Trend backwards;
    backwards.add(9, 110);
    backwards.add(0, 110);
    backwards.add(0, 90);
    EXPECT_EQ(backwards.change_rate(), forwards.change_rate());
}

}  // namespace
}  // namespace wc::vitals
