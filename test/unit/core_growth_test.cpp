#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/growth/bmi.hpp"
#include "core/growth/normal.hpp"
#include "core/growth/plausible_bmi.hpp"
#include "core/growth/zscore.hpp"
#include "test/unit/core_growth_data.hpp"

namespace wc::growth {
namespace {

constexpr Measure kMeasures[] = {Measure::Bmi, Measure::Height, Measure::Weight};
constexpr Sex kSexes[] = {Sex::Male, Sex::Female};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Runs `check(measure, sex, age, norm)` at many ages, points of the table and between them.
template <class Check>
void at_all_ages(Check check)
{
    for (Measure const measure : kMeasures)
        for (Sex const sex : kSexes)
            for (double age = 24; age < 240; age += 0.31)
                check(measure, sex, age, norm_of(measure, sex, age));
}

TEST(Normal, KnownValues)  // computed with 110 digits
{
    EXPECT_DOUBLE_EQ(normal_above(-5), 9.99999713348428076465e-01);
    EXPECT_DOUBLE_EQ(normal_above(0.5), 3.08537538725986881794e-01);
    EXPECT_DOUBLE_EQ(normal_below(0.5), 6.91462461274013118206e-01);
    EXPECT_NEAR(normal_above(3) / 1.34989803163009457719e-03, 1, 3e-15);
    EXPECT_NEAR(normal_above(6) / 9.86587645037698090519e-10, 1, 8e-15);
    EXPECT_NEAR(normal_above(8.2) / 1.20193515427357871452e-16, 1, 1e-14);
    EXPECT_EQ(normal_quantile(0.5), 0);
    struct {
        double share, z;
    } const known[] = {
        {0.4375, 1.57310684610170697928e-01},  {0.2, 8.41621233572914184684e-01},
        {0.075, 1.43953147093845590376e+00},   {0.05, 1.64485362695147263601e+00},
        {0.03, 1.88079360815125085082e+00},    {0.001, 3.09023230616781363622e+00},
        {1e-6, 4.75342430882289868066e+00},    {1e-11, 6.70602315549513594561e+00},
        {0x1p-40, 7.04770025666440869117e+00}, {1e-16, 8.22208221613043477305e+00},
        {1e-20, 9.26234008979840695019e+00},
    };
    for (auto const &[share, z] : known) {
        EXPECT_NEAR(normal_quantile_above(share) / z, 1, 1e-15) << share;
        EXPECT_EQ(normal_quantile(share), -normal_quantile_above(share)) << share;
    }
}

TEST(Growth, TheRangeOfAgesIsNeverClamped)
{
    Norm norm;
    EXPECT_TRUE(cdc_norm(Measure::Bmi, Sex::Male, 24, norm));
    EXPECT_TRUE(cdc_norm(Measure::Bmi, Sex::Male, 239.99, norm));
    for (double const age : {std::nextafter(24, 0), 240.0, 240.25, -1.0, 1e300, kInfinity, -kInfinity, std::nan("")})
        EXPECT_FALSE(cdc_norm(Measure::Bmi, Sex::Male, age, norm)) << age;
    EXPECT_FALSE(cdc_norm(Measure::Bmi, Sex::Other, 100, norm));
}

TEST(Growth, LinearBetweenPoints)
{
    for (double const age : {24.25, 100.0, 239.75}) {
        int const point = age == 24.25 ? 0 : age == 100 ? 76 : kCdcPoints - 2;
        ASSERT_LT(cdc_age(point), age);
        ASSERT_GT(cdc_age(point + 1), age);
        Lms const a = cdc_point(Measure::Weight, Sex::Female, point).lms;
        Lms const b = cdc_point(Measure::Weight, Sex::Female, point + 1).lms;
        Lms const middle = norm_of(Measure::Weight, Sex::Female, age).lms;
        EXPECT_DOUBLE_EQ(middle.l, (a.l + b.l) / 2);
        EXPECT_DOUBLE_EQ(middle.m, (a.m + b.m) / 2);
        EXPECT_DOUBLE_EQ(middle.s, (a.s + b.s) / 2);
    }
}

TEST(Growth, ContinuousInAge)
{
    for (Measure const measure : kMeasures) {
        for (Sex const sex : kSexes) {
            double const value = norm_of(measure, sex, 100).lms.m * 1.4;
            for (int point = 1; point < kCdcPoints - 1; ++point) {
                double const at = cdc_age(point);
                double const before = zscore(norm_of(measure, sex, std::nextafter(at, 0)), value);
                double const after = zscore(norm_of(measure, sex, at), value);
                EXPECT_NEAR(before, after, 1e-11 * std::max(1.0, std::abs(after))) << name(measure) << at;
            }
            double const end = zscore(norm_of(measure, sex, std::nextafter(240, 0)), value);
            EXPECT_NEAR(end, zscore(cdc_point(measure, sex, kCdcPoints - 1), value), 1e-11);
        }
    }
}

TEST(Growth, PercentileAndBack)
{
    std::vector<double> shares = {1e-9, 1e-3, 99.999, 99.9999999, 99.99999999999};
    for (double share = 0.5; share < 100; share += 0.5)
        shares.push_back(share);
    at_all_ages([&](Measure measure, Sex, double age, const Norm &norm) {
        for (double const share : shares) {
            double const value = value_at(norm, share);
            if (std::isnan(value)) {  // plain LMS ends at 1 + L·S·z = 0
                EXPECT_NE(measure, Measure::Bmi);
                EXPECT_GT(share, 99.9) << age;
                continue;
            }
            EXPECT_NEAR(percentile(norm, value), share, 1e-11) << name(measure) << age;
        }
    });
}

TEST(Growth, ValueAndBack)
{
    at_all_ages([](Measure measure, Sex, double age, const Norm &norm) {
        for (double part = 0.8; part < 1.5; part += 0.035) {
            double const value = norm.lms.m * part;
            double const share = percentile(norm, value);
            if (share > 1e-3 && share < 99.9999) {
                EXPECT_NEAR(value_at(norm, share), value, 1e-8 * value) << name(measure) << age;
            }
        }
    });
}

TEST(Growth, RisesWithTheValueAndIsNeverNaN)
{
    std::vector<double> parts = {1e-300, 1e-30, 1e-3, 0.1};
    for (double part = 0.3; part < 4; part += 0.013)
        parts.push_back(part);
    parts.insert(parts.end(), {10, 1e3, 1e30, 1e300});
    at_all_ages([&](Measure measure, Sex, double age, const Norm &norm) {
        double last_z = -kInfinity, last_share = 0, last_modified = -kInfinity, last_of_p95 = 0;
        Category last_category = Category::Underweight;
        for (double const part : parts) {
            double const value = norm.lms.m * part;
            double const z = zscore(norm, value);
            double const share = percentile(norm, value);
            EXPECT_GE(z, last_z) << name(measure) << age << " " << value;
            EXPECT_GE(share, last_share) << name(measure) << age << " " << value;
            EXPECT_LT(share, 100) << name(measure) << age << " " << value;
            EXPECT_GE(modified_zscore(norm, value), last_modified) << name(measure) << age << " " << value;
            EXPECT_GT(percent_of_p95(norm, value), last_of_p95);
            EXPECT_GE(bmi_category(norm, value), last_category);
            last_z = z;
            last_share = share;
            last_modified = modified_zscore(norm, value);
            last_of_p95 = percent_of_p95(norm, value);
            last_category = bmi_category(norm, value);
        }
    });
}

TEST(Growth, ManyAtOnceAreTheSameToTheLastBit)
{
    std::vector<Norm> norms;
    std::vector<double> values;
    at_all_ages([&](Measure, Sex, double, const Norm &norm) {
        for (double const part : {1e-300, 0.5, 0.97, 1.0, 1.1, 1.5, 3.0, 1e300}) {
            norms.push_back(norm);
            values.push_back(norm.lms.m * part);
        }
    });
    norms.push_back({{1e-12, 100, 0.1}, 0});
    values.push_back(115);
    std::vector<double> z(values.size());
    std::vector<double> shares(values.size());
    zscores(norms.data(), values.data(), z.data(), values.size());
    percentiles(norms.data(), values.data(), shares.data(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(z[i], zscore(norms[i], values[i])) << i;
        EXPECT_EQ(shares[i], percentile(norms[i], values[i])) << i;
    }
}

TEST(Growth, OfP95Exactly)
{
    at_all_ages([](Measure measure, Sex, double age, const Norm &norm) {
        if (measure != Measure::Bmi)
            return;
        double const p95 = value_at(norm, 95);
        double const below = std::nextafter(p95, 0);
        EXPECT_EQ(percentile(norm, p95), 95) << age;
        EXPECT_NEAR(zscore(norm, p95), kZ95, 3e-15) << age;
        EXPECT_EQ(bmi_category(norm, p95), Category::ObesityClass1) << age;
        EXPECT_EQ(percent_of_p95(norm, p95), 100) << age;
        EXPECT_LT(percentile(norm, below), 95) << age;
        EXPECT_NEAR(percentile(norm, below), 95, 1e-12) << age;
        EXPECT_LE(zscore(norm, below), zscore(norm, p95)) << age;
        EXPECT_EQ(bmi_category(norm, p95 * (1 - 1e-11)), Category::Overweight) << age;
        EXPECT_EQ(bmi_category(norm, p95 * 1.2001),
                  p95 * 1.2001 >= 40 ? Category::ObesityClass3 : Category::ObesityClass2);
        EXPECT_EQ(bmi_category(norm, p95 * 1.4001), Category::ObesityClass3);
    });
}

// Whoever draws the line with value_at, or multiplies on another way, must not find the child on the wrong side of it.
TEST(Growth, CategoriesAtTheirLimits)
{
    int ages = 0;
    for (Sex const sex : {Sex::Male, Sex::Female}) {
        for (double age = 24; age < 240; age += 0.5) {
            Norm const norm = norm_of(Measure::Bmi, sex, age);
            double const p95 = value_at(norm, 95);
            struct Limit {
                double value;
                Category below;
                Category from;
            };
            Limit const limits[] = {{value_at(norm, 5), Category::Underweight, Category::Healthy},
                                    {value_at(norm, 85), Category::Healthy, Category::Overweight},
                                    {p95, Category::Overweight, Category::ObesityClass1},
                                    {p95 * 120 / 100, Category::ObesityClass1, Category::ObesityClass2},
                                    {p95 / 100 * 140, Category::ObesityClass2, Category::ObesityClass3}};
            for (const Limit &limit : limits) {
                // 35 and 40 come before 120 % and 140 % of P95 at some ages.
                bool const is_first = limit.from < Category::ObesityClass2 ||
                                      limit.value < (limit.from == Category::ObesityClass2 ? 35 : 40);
                EXPECT_EQ(bmi_category(norm, limit.value), limit.from) << age;
                EXPECT_EQ(bmi_category(norm, limit.value * (1 + 1e-15)), limit.from) << age;
                EXPECT_EQ(bmi_category(norm, limit.value * (1 - 1e-10)), is_first ? limit.below : limit.from) << age;
            }
            ++ages;
        }
    }
    EXPECT_EQ(ages, 864);
    // 89.6 kg and 160 cm are 35, which doubles make 34.99999999999999.
    Norm const norm = norm_of(Measure::Bmi, Sex::Female, 239);
    EXPECT_LT(bmi(160, 89.6), 35);
    EXPECT_EQ(bmi_category(norm, bmi(160, 89.6)), Category::ObesityClass2);
}

TEST(Growth, ABmiThatNoChildHas)
{
    for (double const bmi : {12.0, 16.0, 25.0, 40.0, 60.0})
        EXPECT_TRUE(is_bmi_of_some_child(bmi)) << bmi;
    // 55.1 inches as cm, 1.4 m as cm, pounds and inches as they are, and what is none.
    for (double const one :
         {bmi(55.1, 70), bmi(1.4, 31.7), bmi(55.1, 80), bmi(1400, 35), 0.0, -1.0, double{INFINITY}, double{NAN}})
        EXPECT_FALSE(is_bmi_of_some_child(one)) << one;
    // Whatever CDC does not flag is some child's.
    for (Sex const sex : {Sex::Male, Sex::Female}) {
        for (double age = 24; age < 240; age += 0.5) {
            Norm const norm = norm_of(Measure::Bmi, sex, age);
            for (double bmi = 5; bmi < 120; bmi += 0.5) {
                if (!implausible(Measure::Bmi, modified_zscore(norm, bmi))) {
                    EXPECT_TRUE(is_bmi_of_some_child(bmi)) << bmi;
                }
            }
        }
    }
}

TEST(Growth, CategoriesByPercentileAndByBmi)
{
    Norm const norm = norm_of(Measure::Bmi, Sex::Female, 239);
    EXPECT_EQ(bmi_category(norm, value_at(norm, 4.999)), Category::Underweight);
    EXPECT_EQ(bmi_category(norm, value_at(norm, 5)), Category::Healthy);
    EXPECT_EQ(bmi_category(norm, value_at(norm, 84.999)), Category::Healthy);
    EXPECT_EQ(bmi_category(norm, value_at(norm, 85.0001)), Category::Overweight);
    // P95 is 31.7 here: 35 and 40 come before 120 % and 140 % of it.
    EXPECT_EQ(bmi_category(norm, 34.999), Category::ObesityClass1);
    EXPECT_EQ(bmi_category(norm, 35), Category::ObesityClass2);
    EXPECT_EQ(bmi_category(norm, 39.999), Category::ObesityClass2);
    EXPECT_EQ(bmi_category(norm, 40), Category::ObesityClass3);
}

TEST(Growth, ExtendedZIsCappedAndItsPercentileNever100)
{
    Norm const norm = norm_of(Measure::Bmi, Sex::Male, 30);
    EXPECT_EQ(zscore(norm, 1e9), 8.21);
    EXPECT_LT(percentile(norm, 1e9), 100);
    // Far up, where 90 + 10·Φ(t) has lost its digits: by the tail itself.
    double const t = 7.5;
    double const value = value_at(norm, 95) + t * norm.sigma;
    EXPECT_NEAR(normal_above(zscore(norm, value)) / (0.1 * normal_above(t)), 1, 1e-12);
}

TEST(Growth, LOfOneAndLNearZero)
{
    Lms const normal{1, 100, 0.1};
    EXPECT_NEAR(lms_zscore(normal, 115), 1.5, 1e-14);
    EXPECT_NEAR(lms_value(normal, 1.5), 115, 1e-12);
    double const log = std::log(1.15) / 0.1;
    for (double const l : {0.0, 1e-300, -1e-300, 1e-17, -1e-17, 1e-12, -1e-12, 1e-9, -1e-9}) {
        Lms const lms{l, 100, 0.1};
        EXPECT_NEAR(lms_zscore(lms, 115), log, 2e-9) << l;
        EXPECT_NEAR(lms_value(lms, log), 115, 2e-7) << l;
    }
    // Across the place where the series takes over, and with no loss of digits near it.
    // Where 1 + L·S·z is 0 or less there is no value.
    EXPECT_TRUE(std::isnan(lms_value({1, 100, 0.5}, -2)));
    EXPECT_TRUE(std::isnan(lms_value({-1, 100, 0.5}, 2.5)));
    Lms const tiny{1e-7, 100, 0.1};
    double const y = 1e-7 * std::log(1.15);
    EXPECT_NEAR(lms_zscore(tiny, 115), log * (1 + y / 2 + y * y / 6), 1e-14);
}

TEST(Growth, NoNaNFarOutside)
{
    double const huge = std::numeric_limits<double>::max();
    double const tiny = std::numeric_limits<double>::denorm_min();
    for (double const l : {-100.0, -1.0, 0.0, 1e-300, 1.0, 100.0}) {
        for (double const m : {1e-300, 1.0, 1e300}) {
            for (double const value : {tiny, 1e-300, 1.0, 1e300, huge}) {
                Norm const norm{{l, m, 0.1}, 0};
                EXPECT_FALSE(std::isnan(zscore(norm, value))) << l << " " << m << " " << value;
                EXPECT_FALSE(std::isnan(percentile(norm, value))) << l << " " << m << " " << value;
            }
        }
    }
    for (double const value : {tiny, huge})
        EXPECT_FALSE(std::isnan(percentile(norm_of(Measure::Bmi, Sex::Male, 100), value)));
}

TEST(Growth, ModifiedZIsTwoAtTwo)
{
    at_all_ages([](Measure measure, Sex, double age, const Norm &norm) {
        EXPECT_NEAR(modified_zscore(norm, lms_value(norm.lms, 2)), 2, 1e-12) << name(measure) << age;
        EXPECT_NEAR(modified_zscore(norm, lms_value(norm.lms, -2)), -2, 1e-12) << name(measure) << age;
        EXPECT_EQ(modified_zscore(norm, norm.lms.m), 0);
    });
    EXPECT_TRUE(implausible(Measure::Weight, -5.01) && implausible(Measure::Weight, 8.01));
    EXPECT_TRUE(implausible(Measure::Height, -5.01) && implausible(Measure::Height, 4.01));
    EXPECT_TRUE(implausible(Measure::Bmi, -4.01) && implausible(Measure::Bmi, 8.01));
    EXPECT_FALSE(implausible(Measure::Weight, -5) || implausible(Measure::Weight, 8));
    EXPECT_FALSE(implausible(Measure::Height, -5) || implausible(Measure::Height, 4));
    EXPECT_FALSE(implausible(Measure::Bmi, -4) || implausible(Measure::Bmi, 8));
}

TEST(Growth, OwnPoints)
{
    Point const points[] = {{0, {1, 50, 0.04}}, {1, {1, 54, 0.04}}, {3, {1, 60, 0.04}}};
    Norm norm;
    ASSERT_TRUE(norm_between(points, 3, 2, norm));
    EXPECT_DOUBLE_EQ(norm.lms.m, 57);
    EXPECT_EQ(norm.sigma, 0);
    ASSERT_TRUE(norm_between(points, 3, 0, norm));
    EXPECT_EQ(norm.lms.m, 50);
    ASSERT_TRUE(norm_between(points, 3, 3, norm));
    EXPECT_EQ(norm.lms.m, 60);
    for (double const age : {-0.01, 3.01, std::nan("")})
        EXPECT_FALSE(norm_between(points, 3, age, norm)) << age;
    EXPECT_FALSE(norm_between(points, 0, 1, norm));
}

TEST(Growth, NamesInBothCases)
{
    Measure measure{};
    EXPECT_TRUE(parse_measure("HEIGHT", measure) && measure == Measure::Height);
    EXPECT_FALSE(parse_measure("heights", measure));
    EXPECT_FALSE(parse_measure("", measure));
    Sex sex{};
    EXPECT_TRUE(parse_sex("FEMALE", sex) && sex == Sex::Female);
    EXPECT_TRUE(parse_sex("male", sex) && sex == Sex::Male);
    EXPECT_TRUE(parse_sex("PREFER_NOT_TO_SAY", sex) && sex == Sex::Other);
    EXPECT_TRUE(parse_sex("other", sex) && sex == Sex::Other);
    for (const SexSpelling &spelling : kSexSpellings)
        EXPECT_TRUE(parse_sex(" \t" + std::string(spelling.text) + "\r\n", sex) && sex == spelling.sex)
            << spelling.text;
    EXPECT_TRUE(parse_sex("m", sex) && sex == Sex::Male);
    EXPECT_TRUE(parse_sex("F", sex) && sex == Sex::Female);
    for (std::string_view const none : {"", " ", "fem", "males", "ma le", "w", "1", "\xc2\xa0male"})
        EXPECT_FALSE(parse_sex(none, sex) || sex != Sex::Other) << none;
}

TEST(Bmi, RoundsAsMathRound)
{
    EXPECT_EQ(round_to_tenth(bmi(100, 18.25)), 18.3);  // halves go up
    EXPECT_EQ(round_to_tenth(18.249999999999996), 18.2);
    EXPECT_EQ(round_to_tenth(0.049999999999999996), 0.0);  // 0.49999999999999994 + 0.5 would be 1
    EXPECT_EQ(round_to_tenth(bmi(150, 45)), 20);
    EXPECT_EQ(round_to_tenth(1e300), 1e301 / 10);
    // Beyond 2^52 tenths there are no fractions, and one half added would be lost or doubled.
    EXPECT_EQ(round_to_tenth(450359962737049.7), 4503599627370497.0 / 10);
}

}  // namespace
}  // namespace wc::growth
