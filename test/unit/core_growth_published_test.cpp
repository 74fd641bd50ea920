// Every row that CDC published and that is in test/data/growth, within the stated tolerances.
#include <gtest/gtest.h>

#include "core/growth/bmi.hpp"
#include "core/growth/normal.hpp"
#include "core/growth/zscore.hpp"
#include "test/unit/core_growth_data.hpp"

namespace wc::growth {
namespace {

TEST(GrowthPublished, TablePointsAreThoseOfTheFile)
{
    int points = 0;
    for (const Row &row : read_rows("src/core/growth/cdc2000_lms.csv")) {
        double const age = number(row, "age_months");
        if (age > kCdcEndAge)
            continue;
        Norm const norm = norm_of(measure_of(row), sex_of(row), age);
        EXPECT_EQ(norm.lms.l, number(row, "L")) << row.at("measure") << age;
        EXPECT_EQ(norm.lms.m, number(row, "M")) << row.at("measure") << age;
        EXPECT_EQ(norm.lms.s, number(row, "S")) << row.at("measure") << age;
        ++points;
    }
    EXPECT_EQ(points, 6 * kCdcPoints);
}

TEST(GrowthPublished, ValuesAtPercentiles)
{
    int rows = 0;
    for (const Row &row : read_rows("test/data/growth/cdc2000_percentile_checks.csv")) {
        Norm const norm = norm_of(measure_of(row), sex_of(row), number(row, "age_months"));
        double const value = number(row, "value");
        double const share = number(row, "percentile");
        std::string const at =
            row.at("measure") + " " + row.at("sex") + " " + row.at("age_months") + " P" + row.at("percentile");
        Norm const plain{norm.lms, 0};
        EXPECT_NEAR(value_at(plain, share), value, 3e-7) << at;
        EXPECT_NEAR(zscore(plain, value), number(row, "z"), 1e-6) << at;
        // P97 of 2000 is plain LMS; the extension says otherwise above P95.
        if (share <= 95) {
            EXPECT_DOUBLE_EQ(value_at(norm, share), value_at(plain, share)) << at;
        }
        if (share == 50) {
            EXPECT_EQ(value_at(norm, share), value) << at;
        }
        ++rows;
    }
    EXPECT_EQ(rows, 1456);
}

TEST(GrowthPublished, ExtendedBmi)
{
    int rows = 0;
    for (const Row &row : read_rows("test/data/growth/cdc2022_extended_bmi_checks.csv")) {
        Norm const norm = norm_of(Measure::Bmi, sex_of(row), number(row, "age_months"));
        double const bmi = number(row, "bmi");
        double const z = number(row, "z");
        std::string const at = row.at("sex") + " " + row.at("age_months") + " z " + row.at("z");
        EXPECT_NEAR(zscore(norm, bmi), z, 7e-5) << at;
        double const share = number(row, "percentile");
        // Either the percentile (3, 99.99) or the z-score (−1.5, 4.5) is whole; the other is rounded to six decimals.
        bool const z_is_whole = row.at("z").size() <= 4;
        EXPECT_NEAR(value_at(norm, z_is_whole ? 100 - 100 * normal_above(z) : share), bmi, 5.1e-5) << at;
        EXPECT_NEAR(percentile(norm, bmi), share, 0.002) << at;
        ++rows;
    }
    EXPECT_EQ(rows, 1064);
}

TEST(GrowthPublished, WorkedExamples)
{
    Norm const girl = norm_of(Measure::Bmi, Sex::Female, 114.5);
    EXPECT_NEAR(zscore(girl, 21.2), 1.4215, 5e-5);
    EXPECT_NEAR(percentile(girl, 21.2), 92.2, 0.05);
    EXPECT_EQ(bmi_category(girl, 21.2), Category::Overweight);

    Norm const boy = norm_of(Measure::Bmi, Sex::Male, 50.5);
    EXPECT_NEAR(zscore(boy, 22.6), 2.83, 5e-3);
    EXPECT_NEAR(percentile(boy, 22.6), 99.7683, 5e-5);
}

}  // namespace
}  // namespace wc::growth
