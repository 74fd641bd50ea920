#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include "core/growth/chart.hpp"
#include "core/growth/chart_labels.hpp"
#include "core/growth/chart_scale.hpp"
#include "test/unit/core_drawn_chart.hpp"

namespace wc::growth {
namespace {

Chart chart_of(Measure measure, Sex sex, const std::vector<ChartPoint> &points, int width = 800, int height = 600)
{
    return {measure, sex, width, height, points.data(), points.size()};
}

int count(const std::string &text, const std::string &what)
{
    int found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++found;
    return found;
}

TEST(GrowthChart, ShowsTheYearsOfTheChildAndOneOnEachSide)
{
    auto const years = [](std::vector<ChartPoint> const &points) {
        Scale const scale = make_scale(chart_of(Measure::Height, Sex::Male, points), 0, 800, 0, 600, 12);
        return std::pair(scale.first_year, scale.last_year);
    };
    EXPECT_EQ(years({}), std::pair(2, 20));
    EXPECT_EQ(years({{24, 86, false}}), std::pair(2, 8));
    EXPECT_EQ(years({{100, 130, false}, {125, 140, false}}), std::pair(7, 13));
    EXPECT_EQ(years({{60, 110, false}, {200, 165, false}}), std::pair(4, 18));
    EXPECT_EQ(years({{239.9, 175, false}}), std::pair(14, 20));
    EXPECT_EQ(years({{3, 60, false}, {300, 180, false}}), std::pair(2, 20));  // of other ages alone
}

TEST(GrowthChart, AllCurvesAndAllPlausiblePointsAreInside)
{
    std::vector<ChartPoint> const points{{100, 12, false}, {110, 48, false}, {120, 400, true}};
    Scale const scale = make_scale(chart_of(Measure::Bmi, Sex::Female, points), 50, 750, 40, 550, 12);
    EXPECT_TRUE(scale.shows(12));
    EXPECT_TRUE(scale.shows(48));
    EXPECT_FALSE(scale.shows(400));
    EXPECT_DOUBLE_EQ(scale.x(scale.first_year * 12), 50);
    EXPECT_DOUBLE_EQ(scale.x(scale.last_year * 12), 750);
    EXPECT_DOUBLE_EQ(scale.y(scale.lowest), 550);
    EXPECT_DOUBLE_EQ(scale.y(scale.highest), 40);
}

// Every measure, sex, many sizes and ages.
template <class Check>
void for_many_charts(Check check)
{
    for (Measure const measure : {Measure::Bmi, Measure::Height, Measure::Weight}) {
        for (Sex const sex : {Sex::Male, Sex::Female, Sex::Other}) {
            for (double const age : {24.0, 60.0, 130.0, 210.0, 239.99}) {
                std::vector<ChartPoint> const points{{age, 20, false}, {age + 1, 1e9, true}, {age + 2, 90, false}};
                for (auto const &[width, height] :
                     {std::pair(160, 160), {240, 180}, {800, 600}, {4000, 160}, {160, 4000}})
                    check(chart_of(measure, sex, points, width, height));
            }
            check(chart_of(measure, sex, {}));
        }
    }
}

TEST(GrowthChart, LabelsNeverTouch)
{
    for_many_charts([](const Chart &chart) {
        constexpr double kGap = 12;
        Scale const scale = make_scale(chart, 40, chart.width - 40, 30, chart.height - 30, 10);
        Curves const curves = choose_curves(chart, scale, kGap);
        EXPECT_EQ(curves.count > 0, chart.sex != Sex::Other);
        for (int i = 0; i < curves.count; ++i) {
            EXPECT_GE(curves.all[i].label, scale.top - 1e-9);
            EXPECT_LE(curves.all[i].label, scale.bottom + 1e-9);
            EXPECT_LE(std::abs(curves.all[i].label - curves.all[i].end), 1.3 * kGap + 1e-9);
            if (i > 0) {
                EXPECT_GE(curves.all[i].label - curves.all[i - 1].label, kGap - 1e-9);
                EXPECT_LT(curves.all[i].percentile, curves.all[i - 1].percentile);
            }
        }
    });
}

TEST(GrowthChart, TheMostTellingCurvesStayWhereThereIsLittleRoom)
{
    auto const shown = [](Measure measure, double gap) {
        Chart const chart = chart_of(measure, Sex::Female, {});
        Scale const scale = make_scale(chart, 40, 760, 0, 100, 10);
        Curves const curves = choose_curves(chart, scale, gap);
        std::vector<int> percentiles;
        for (int i = 0; i < curves.count; ++i)
            percentiles.push_back(curves.all[i].percentile);
        return percentiles;
    };
    EXPECT_EQ(shown(Measure::Bmi, 110), std::vector({50}));
    EXPECT_EQ(shown(Measure::Bmi, 34), std::vector({95, 50, 5}));
    EXPECT_EQ(shown(Measure::Bmi, 20), std::vector({97, 95, 85, 50, 5, 3}));
    EXPECT_EQ(shown(Measure::Weight, 34), std::vector({97, 50, 3}));
}

TEST(GrowthChart, ALargePictureShowsAllCurvesAndASmallOneTheMedianToo)
{
    std::string const large = picture(chart_of(Measure::Bmi, Sex::Female, {}));
    for (char const *const label :
         {">P3<", ">P5<", ">P10<", ">P25<", ">P50<", ">P75<", ">P85<", ">P90<", ">P95<", ">P97<"})
        EXPECT_EQ(count(large, label), 1) << label;
    EXPECT_EQ(count(picture(chart_of(Measure::Weight, Sex::Male, {}, 160, 160)), ">P50<"), 1);
    EXPECT_EQ(count(picture(chart_of(Measure::Height, Sex::Other, {})), ">P"), 0);
}

TEST(GrowthChart, IsPlainTextWithNumbersAlone)
{
    for_many_charts([](const Chart &chart) {
        std::string const text = picture(chart);
        EXPECT_TRUE(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        EXPECT_TRUE(text.ends_with("</svg>\n"));
        EXPECT_EQ(text.find("nan"), std::string::npos);
        EXPECT_EQ(text.find("inf"), std::string::npos);
        for (char const c : text)
            ASSERT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
        EXPECT_EQ(count(text, "<text"), count(text, "</text>"));
        EXPECT_EQ(count(text, "<title>"), count(text, "</title>"));
    });
}

TEST(GrowthChart, ImplausiblePointsAreHollowAndJoinNoLine)
{
    std::string const text = picture(
        chart_of(Measure::Height, Sex::Male, {{100, 130, false}, {110, 54, true}, {120, 138, false}, {12, 75, false}}));
    EXPECT_EQ(count(text, "<circle"), 2);
    EXPECT_EQ(count(text, "class=\"wc-growth-doubt\""), 1);
    EXPECT_NE(text.find("1 implausible, off the scale (arrow), 1 of other ages"), std::string::npos);
    std::smatch line;
    ASSERT_TRUE(std::regex_search(text, line, std::regex("wc-growth-path\" d=\"M[^L\"]*L[^L\"]*\"/>")));
}

TEST(GrowthChart, SaysWhatIsMissing)
{
    Chart chart = chart_of(Measure::Height, Sex::Male, {});
    EXPECT_EQ(count(picture(chart), ">no measurements<"), 1);
    chart.has_birth_date = false;
    EXPECT_EQ(count(picture(chart), ">no birth date, no measurements<"), 1);
    chart.undated = 3;
    EXPECT_EQ(count(picture(chart), ">no birth date, 3 without an age<"), 1);
    chart.sex = Sex::Other;
    EXPECT_EQ(count(picture(chart), ">no reference for this sex, no birth date, 3 without an age<"), 1);
    std::vector<ChartPoint> const points{{100, 130, false}, {101, 300, true}, {102, 30, true}, {103, 118, true}};
    EXPECT_EQ(count(picture(chart_of(Measure::Height, Sex::Male, points)),
                    ">1 implausible (hollow), 2 implausible, off the scale (arrow)<"),
              1);
}

TEST(GrowthChart, TheAxisHasRoundNumbersThatDoNotTouch)
{
    for_many_charts([](const Chart &chart) {
        constexpr double kText = 10;
        Scale const scale = make_scale(chart, 40, chart.width - 40, 30, chart.height - 30, kText);
        EXPECT_GE(std::abs(scale.y(0) - scale.y(scale.value_step)), 2 * kText);
        double const digit = scale.value_step / std::pow(10, std::floor(std::log10(scale.value_step) + 1e-9));
        EXPECT_TRUE(std::abs(digit - 1) < 1e-9 || std::abs(digit - 2) < 1e-9 || std::abs(digit - 5) < 1e-9) << digit;
    });
}

}  // namespace
}  // namespace wc::growth
