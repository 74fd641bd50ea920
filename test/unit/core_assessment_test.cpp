#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/growth/assessment.hpp"
#include "core/growth/zscore.hpp"

namespace wc::growth {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

const Standing &of(const Assessment &found, Measure measure) { return found.of[static_cast<int>(measure)]; }

TEST(Assessment, AGirlOfThePublishedExample)
{
    Assessment const found = assess(Sex::Female, 114.5, {kNothing, kNothing, 21.2});
    EXPECT_NEAR(of(found, Measure::Bmi).zscore, 1.4215, 5e-5);
    EXPECT_NEAR(of(found, Measure::Bmi).percentile, 92.2, 0.05);
    EXPECT_TRUE(found.has_category);
    EXPECT_EQ(found.category, Category::Overweight);
    EXPECT_FALSE(of(found, Measure::Height).is_known);
    EXPECT_FALSE(found.is_implausible());
}

TEST(Assessment, BmiIsThatOfHeightAndWeightWhereBothAreThere)
{
    EXPECT_DOUBLE_EQ(value_of({140, 35, 99}, Measure::Bmi), bmi(140, 35));
    EXPECT_EQ(value_of({140, kNothing, 17.9}, Measure::Bmi), 17.9);
    EXPECT_EQ(value_of({0, 35, 17.9}, Measure::Bmi), 17.9);
    EXPECT_TRUE(std::isnan(value_of({140, -1, kNothing}, Measure::Bmi)));
}

TEST(Assessment, NothingIsKnownWithoutAReference)
{
    Measurement const measured{140, 35, 17.9};
    for (Assessment const &found : {assess(Sex::Other, 114.5, measured), assess(Sex::Male, 23.9, measured),
                                    assess(Sex::Male, 240, measured), assess(Sex::Male, kNothing, measured)}) {
        for (Standing const &standing : found.of)
            EXPECT_FALSE(standing.is_known);
        EXPECT_FALSE(found.has_category);
    }
}

TEST(Assessment, AHeightInInchesIsImplausibleAndKept)
{
    Assessment const found = assess(Sex::Male, 120, {55, 32, kNothing});
    EXPECT_TRUE(of(found, Measure::Height).is_known);
    EXPECT_TRUE(of(found, Measure::Height).is_implausible);
    EXPECT_FALSE(of(found, Measure::Weight).is_implausible);
    EXPECT_TRUE(found.is_implausible());
}

TEST(Assessment, OfAnotherSexWhatIsImplausibleForBothIsFlagged)
{
    Assessment const found = assess(Sex::Other, 120, {54, 32, kNothing});
    EXPECT_TRUE(of(found, Measure::Height).is_implausible);
    EXPECT_TRUE(found.is_implausible());
    EXPECT_FALSE(of(found, Measure::Height).is_known);
    EXPECT_FALSE(of(found, Measure::Weight).is_implausible);
    EXPECT_FALSE(assess(Sex::Other, 20, {54, 32, kNothing}).is_implausible()) << "no reference for the age";
}

TEST(Assessment, OfAnotherSexTheLimitsAreThoseOfBoth)
{
    int apart = 0;
    for (double age = 24; age < 240; age += 7.3) {
        for (Measure const measure : {Measure::Bmi, Measure::Height, Measure::Weight}) {
            for (double value = 5; value < 300; value += 1.7) {
                bool const male = implausible_for(measure, Sex::Male, age, value);
                bool const female = implausible_for(measure, Sex::Female, age, value);
                EXPECT_EQ(implausible_for(measure, Sex::Other, age, value), male && female);
                apart += male != female;
            }
        }
    }
    EXPECT_GT(apart, 20);
}

TEST(Assessment, AMeasurementWithoutABmiThatIsANumberIsImplausible)
{
    Assessment const found = assess(Sex::Male, 120, {1e-200, 30, kNothing});
    EXPECT_TRUE(of(found, Measure::Bmi).is_implausible);
    EXPECT_FALSE(found.has_category);
    EXPECT_TRUE(is_bmi_measured({1e-200, 30, kNothing}));
    EXPECT_TRUE(is_bmi_measured({kNothing, 30, 17}));
    EXPECT_FALSE(is_bmi_measured({140, kNothing, kNothing}));
    EXPECT_FALSE(is_bmi_measured({0, 30, -1}));
}

TEST(Assessment, NoInfinityComesOut)
{
    Assessment const found = assess(Sex::Male, 120, {1e-300, 1e300, kNothing});
    for (Standing const &standing : found.of)
        EXPECT_TRUE(!standing.is_known || std::isfinite(standing.zscore));
}

}  // namespace
}  // namespace wc::growth
