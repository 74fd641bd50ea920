// What a reader takes from a chart is what is so: everything here goes by what is written beside the axes and curves.
#include "test/unit/core_drawn_chart.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "core/growth/zscore.hpp"

namespace wc::growth {
namespace {

constexpr Measure kMeasures[] = {Measure::Bmi, Measure::Height, Measure::Weight};
constexpr Sex kSexes[] = {Sex::Male, Sex::Female};

// A child near the median, and one far from it, each three years.
std::vector<ChartPoint> child_of(Measure measure, Sex sex, double share)
{
    std::vector<ChartPoint> points;
    for (double const age : {62.25, 75.5, 81.0, 97.75, 110.5}) {
        Norm norm;
        EXPECT_TRUE(cdc_norm(measure, sex, age, norm));
        points.push_back({age, share * value_at(norm, 50), false});
    }
    return points;
}

Chart chart_of(Measure measure, Sex sex, const std::vector<ChartPoint> &points, int width = 800, int height = 600)
{
    return {measure, sex, width, height, points.data(), points.size()};
}

template <class Check>
void for_each_chart(Check check)
{
    for (Measure const measure : kMeasures) {
        for (Sex const sex : kSexes) {
            for (double const share : {0.95, 1.6}) {
                std::vector<ChartPoint> const points = child_of(measure, sex, share);
                for (auto const &[width, height] : {std::pair(320, 240), {800, 600}, {1600, 1200}})
                    check(chart_of(measure, sex, points, width, height));
            }
        }
    }
}

TEST(DrawnChart, PointsStandWhereTheAxesHaveTheirAgesAndValues)
{
    for_each_chart([](const Chart &chart) {
        DrawnChart const drawn(chart);
        ASSERT_EQ(drawn.points().size(), chart.count);
        double const range = drawn.values().back().first - drawn.values().front().first;
        for (std::size_t i = 0; i < chart.count; ++i) {
            EXPECT_NEAR(drawn.years_at(drawn.points()[i]), chart.points[i].age_months / 12, 0.001);
            EXPECT_NEAR(drawn.value_at(drawn.points()[i]), chart.points[i].value, range * 2e-4);
        }
    });
}

TEST(DrawnChart, TheLineGoesFromPointToPointInTheirOrder)
{
    for_each_chart([](const Chart &chart) {
        DrawnChart const drawn(chart);
        for (char const *const style : {"path", "rim"}) {
            auto const lines = drawn.of_style(style);
            ASSERT_EQ(lines.size(), 1U);
            ASSERT_EQ(lines[0].spots.size(), chart.count);
            for (std::size_t i = 0; i < chart.count; ++i) {
                EXPECT_EQ(lines[0].spots[i].x, drawn.points()[i].x);
                EXPECT_EQ(lines[0].spots[i].y, drawn.points()[i].y);
                EXPECT_TRUE(i == 0 || lines[0].spots[i].x > lines[0].spots[i - 1].x);
            }
        }
        // What lies below would be hidden by what is drawn later.
        EXPECT_LT(drawn.svg().rfind(">P"), drawn.svg().find("wc-growth-rim\" d"));
        EXPECT_LT(drawn.svg().find("wc-growth-rim\" d"), drawn.svg().find("wc-growth-path\" d"));
        EXPECT_LT(drawn.svg().find("wc-growth-path\" d"), drawn.svg().find("<circle"));
    });
}

// The median stands out, the outermost are dashed, and of BMI those that divide the categories are strong.
std::string style_of(Measure measure, const std::string &label)
{
    if (label == "P50")
        return "median";
    if (label == "P3" || label == "P97")
        return "outer";
    return measure == Measure::Bmi && std::set<std::string>{"P5", "P85", "P95"}.contains(label) ? "bound" : "curve";
}

// The curves in the order of their drawing, which is that of their labels.
TEST(DrawnChart, EachCurveIsThePercentileThatItsLabelNames)
{
    for_each_chart([](const Chart &chart) {
        DrawnChart const drawn(chart);
        std::vector<Line> curves;
        for (const Line &line : drawn.lines()) {
            if (std::set<std::string>{"curve", "bound", "outer", "median"}.contains(line.style))
                curves.push_back(line);
        }
        std::vector<Written> labels;
        std::copy_if(drawn.texts().begin(), drawn.texts().end(), std::back_inserter(labels),
                     [](const Written &written) { return written.text.starts_with("P"); });
        ASSERT_EQ(curves.size(), labels.size());
        ASSERT_GE(curves.size(), 7U);
        double const range = drawn.values().back().first - drawn.values().front().first;
        for (std::size_t i = 0; i < curves.size(); ++i) {
            double const named = std::stod(labels[i].text.substr(1));
            for (const Spot &spot : curves[i].spots) {
                Norm norm;
                ASSERT_TRUE(cdc_norm(chart.measure, chart.sex, 12 * drawn.years_at(spot), norm));
                EXPECT_NEAR(drawn.value_at(spot), value_at(norm, named), range * 5e-4) << labels[i].text;
            }
            EXPECT_EQ(curves[i].style, style_of(chart.measure, labels[i].text));
            // From edge to edge, smooth, the label beyond the right end and near it.
            const Spot &end = curves[i].spots.back();
            EXPECT_NEAR(drawn.years_at(curves[i].spots.front()), drawn.years().front().first, 0.001);
            EXPECT_GE(curves[i].spots.size(), 30U);
            EXPECT_GT(labels[i].at.x, end.x);
            EXPECT_LT(labels[i].at.x, end.x + labels[i].size);
            EXPECT_NEAR(labels[i].at.y - 0.36 * labels[i].size, end.y, 1.6 * labels[i].size);
            EXPECT_LE(labels[i].at.x + 0.7 * labels[i].size * static_cast<double>(labels[i].text.size()), chart.width);
        }
    });
}

TEST(DrawnChart, ALabelThatHadToMakeRoomIsLedToItsCurve)
{
    DrawnChart const drawn(chart_of(Measure::Bmi, Sex::Female, {}));
    double const right = drawn.of_style("median").at(0).spots.back().x;
    std::size_t led = 0;
    for (const Written &label : drawn.texts()) {
        if (!label.text.starts_with("P"))
            continue;
        double const percentile = std::stod(label.text.substr(1));
        Norm norm;
        ASSERT_TRUE(cdc_norm(Measure::Bmi, Sex::Female, 239.999, norm));
        double const away = std::abs(drawn.value_at({0, label.at.y - 0.36 * label.size}) - value_at(norm, percentile));
        double const pixel = std::abs(drawn.value_at({0, 1}) - drawn.value_at({0, 0}));
        led += away / pixel > 0.31 * label.size ? 1 : 0;
    }
    EXPECT_GE(led, 1U);
    auto const leads = drawn.of_style("lead");
    EXPECT_EQ(leads.size(), led);
    for (const Line &lead : leads)
        EXPECT_NEAR(lead.spots.front().x, right, 2);
}

TEST(DrawnChart, ManyPointsAreSmallAndNoneHidesTheNext)
{
    std::vector<ChartPoint> points;
    for (int month = 60; month < 204; ++month)
        points.push_back({static_cast<double>(month), 15, false});
    DrawnChart const many(chart_of(Measure::Bmi, Sex::Male, points));
    EXPECT_NE(many.svg().find("<circle class=\"wc-growth-dot\""), std::string::npos);
    points.resize(5);
    EXPECT_NE(DrawnChart(chart_of(Measure::Bmi, Sex::Male, points)).svg().find("<circle class=\"wc-growth-point\""),
              std::string::npos);
}

TEST(DrawnChart, WhatIsWrittenFitsAlsoInTheSmallest)
{
    for (Measure const measure : kMeasures) {
        for (bool const is_of_all_years : {false, true}) {
            std::vector<ChartPoint> points;
            if (!is_of_all_years)
                points = child_of(measure, Sex::Female, 1);
            for (auto const &[width, height] : {std::pair(160, 160), {240, 160}, {160, 600}}) {
                DrawnChart const drawn(chart_of(measure, Sex::Female, points, width, height));
                constexpr double kLetter = 0.6;  // of the size, on the wide side
                for (const Written &written : drawn.texts()) {
                    double const half = kLetter / 2 * written.size * static_cast<double>(written.text.size());
                    if (written.is_upright && written.anchor == "middle") {
                        EXPECT_GE(written.at.x - half, -1) << written.text;
                        EXPECT_LE(written.at.x + half, width + 1) << written.text;
                    }
                }
                double const apart = drawn.years().at(1).second - drawn.years().at(0).second;
                EXPECT_GE(apart, 2 * kLetter * drawn.texts().at(1).size) << "years of two digits";
            }
        }
    }
}

struct Box {
    double left, top, right, bottom;
};

// What the fonts need, on the wide side: a letter's width, what stands above its foot, and what hangs below.
Box box_of(const Written &written)
{
    constexpr double kAbove = 0.78;
    constexpr double kBelow = 0.25;
    std::string const text = std::regex_replace(written.text, std::regex("&#178;"), "2");
    auto const points = std::count(text.begin(), text.end(), '.');
    double const length = 0.6 * written.size * (static_cast<double>(text.size()) - static_cast<double>(points) / 2);
    double const left = written.anchor == "start" ? 0 : written.anchor == "end" ? length : length / 2;
    if (!written.is_upright)
        return {written.at.x - kAbove * written.size, written.at.y - length / 2, written.at.x + kBelow * written.size,
                written.at.y + length / 2};
    return {written.at.x - left, written.at.y - kAbove * written.size, written.at.x - left + length,
            written.at.y + kBelow * written.size};
}

bool overlap(const Box &a, const Box &b)
{
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

TEST(DrawnChart, NoTextLiesOnAnotherOrOutside)
{
    for (Measure const measure : kMeasures) {
        for (Sex const sex : {Sex::Male, Sex::Other}) {
            for (int const width : {160, 168, 180, 200, 224, 320}) {
                for (int const height : {160, 600}) {
                    std::vector<ChartPoint> points = child_of(measure, Sex::Male, 1);
                    for (double const age : {70.0, 72.0, 90.0})
                        points.push_back({age, 1000 + age, true});
                    points.push_back({5, 10, false});
                    for (bool const is_noted : {true, false}) {
                        Chart chart = chart_of(measure, sex, points, width, height);
                        if (is_noted)
                            chart.undated = 12;
                        else
                            chart.count = 5;
                        DrawnChart const drawn(chart);
                        for (std::size_t i = 0; i < drawn.texts().size(); ++i) {
                            Box const box = box_of(drawn.texts()[i]);
                            EXPECT_TRUE(box.left >= -1 && box.right <= width + 1 && box.bottom <= height + 1 &&
                                        box.top >= 0)
                                << drawn.texts()[i].text << " at " << width << "x" << height;
                            for (std::size_t k = 0; k < i; ++k)
                                EXPECT_FALSE(overlap(box, box_of(drawn.texts()[k])))
                                    << drawn.texts()[i].text << " and " << drawn.texts()[k].text << " at " << width
                                    << "x" << height;
                        }
                    }
                }
            }
        }
    }
}

TEST(DrawnChart, BeyondTheScaleAnArrowPointsWithItsValue)
{
    for (auto const &[width, height] : {std::pair(160, 160), {400, 300}, {800, 600}, {3000, 2000}}) {
        std::vector<ChartPoint> points = child_of(Measure::Bmi, Sex::Female, 1);
        std::vector<double> const far{180, 200, 220, 240, 260, 280, 300, 320};
        for (std::size_t i = 0; i < far.size(); ++i)
            points.push_back({64.0 + 6 * static_cast<double>(i), far[i], true});
        points.push_back({109.9, 2.25, true});
        points.push_back({100, 13.5, true});  // within the scale: a diamond
        DrawnChart const drawn(chart_of(Measure::Bmi, Sex::Female, points, width, height));
        Line const frame = drawn.of_style("frame").at(0);
        auto const doubts = drawn.of_style("doubt");
        ASSERT_EQ(doubts.size(), far.size() + 2);
        double const top = frame.spots.at(0).y;
        std::size_t up = 0;
        std::size_t down = 0;
        for (const Line &doubt : doubts) {
            if (doubt.spots.size() != 3)
                continue;
            // The tip comes first, at the edge; the rest is inside.
            bool const is_up = doubt.spots[0].y < doubt.spots[1].y;
            (is_up ? up : down) += 1;
            for (const Spot &spot : doubt.spots)
                EXPECT_GT(spot.y, top);
            if (is_up) {
                EXPECT_LT(doubt.spots[0].y, top + 2);
            }
        }
        EXPECT_EQ(up, far.size());
        EXPECT_EQ(down, 1U);
        // As many values as there is room for, each by its arrow.
        auto const &labels = drawn.far();
        EXPECT_GE(labels.size(), width < 400 ? 4U : 9U);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            EXPECT_TRUE(labels[i].text == "2.25" || std::count(far.begin(), far.end(), std::stod(labels[i].text)) == 1);
            for (std::size_t k = 0; k < i; ++k)
                EXPECT_FALSE(overlap(box_of(labels[i]), box_of(labels[k]))) << labels[i].text << labels[k].text;
            double nearest = INFINITY;
            for (const Line &doubt : doubts)
                nearest = std::min(nearest, std::abs(doubt.spots[0].x - labels[i].at.x));
            EXPECT_LE(nearest, labels[i].size);
        }
    }
}

TEST(DrawnChart, AValueBeyondTheScaleIsWrittenWithinTheFrame)
{
    for (std::vector<ChartPoint> const &points : {std::vector<ChartPoint>{{24, 86, false}, {24, 123456.78, true}},
                                                  {{24, 86, false}, {24, 1, true}},
                                                  {{239.9, 175, false}, {239.9, 123456.78, true}}}) {
        DrawnChart const drawn(chart_of(Measure::Height, Sex::Male, points, 300, 220));
        Line const curve = drawn.of_style("median").at(0);
        ASSERT_EQ(drawn.far().size(), 1U);
        Box const box = box_of(drawn.far()[0]);
        EXPECT_GE(box.left, curve.spots.front().x - 0.5);
        EXPECT_LE(box.right, curve.spots.back().x + 0.5);
    }
}

TEST(DrawnChart, GrowsWithThePicture)
{
    std::vector<ChartPoint> const points = child_of(Measure::Bmi, Sex::Female, 1);
    double smallest = 0;
    for (int const width : {1200, 1500, 3000, 4000}) {
        DrawnChart const drawn(chart_of(Measure::Bmi, Sex::Female, points, width, width * 2 / 3));
        // In pixels of the picture, as its share: axis numbers, and lines by the same factor.
        double const share = drawn.texts().at(1).size * drawn.enlarged() / width;
        EXPECT_NEAR(share, 1.0 / 60, 0.0005) << width;
        smallest = std::max(smallest, drawn.texts().at(1).size);
        EXPECT_EQ(drawn.texts().size(),
                  DrawnChart(chart_of(Measure::Bmi, Sex::Female, points, 1200, 800)).texts().size());
    }
    EXPECT_LE(smallest, 20.001);
}

TEST(DrawnChart, TitleAxesAndTipsNameMeasureSexAndUnit)
{
    struct Words {
        Measure measure;
        std::string title, axis, unit, source;
    };
    for (const Words &words :
         {Words{Measure::Bmi, "Body mass index for age", "BMI (kg/m&#178;)", "kg/m&#178;", "CDC 2000, extended 2022"},
          {Measure::Height, "Height for age", "height (cm)", "cm", "CDC 2000"},
          {Measure::Weight, "Weight for age", "weight (kg)", "kg", "CDC 2000"}}) {
        std::vector<ChartPoint> const points{{102, 25.5, false}, {123, 40, false}};
        for (auto const &[sex, of] : {std::pair(Sex::Male, ", boys"), {Sex::Female, ", girls"}, {Sex::Other, ""}}) {
            DrawnChart const drawn(chart_of(words.measure, sex, points));
            EXPECT_TRUE(drawn.says(words.title + of));
            EXPECT_NE(drawn.svg().find("<title>" + words.title + of + "</title>"), std::string::npos);
            EXPECT_TRUE(drawn.says(words.axis));
            EXPECT_TRUE(drawn.says("age (years)"));
            EXPECT_EQ(drawn.says(words.source), sex != Sex::Other);
            EXPECT_EQ(drawn.says("no reference for this sex"), sex == Sex::Other);
            EXPECT_EQ(drawn.tips(), (std::vector{"8.5 years: 25.5 " + words.unit, "10.25 years: 40 " + words.unit}));
        }
    }
}

TEST(DrawnChart, AxesHaveEvenNumbersAlongAllOfTheirLength)
{
    for_each_chart([](const Chart &chart) {
        DrawnChart const drawn(chart);
        for (auto const *const axis : {&drawn.years(), &drawn.values()}) {
            ASSERT_GE(axis->size(), 4U);
            double const step = (*axis)[1].first - (*axis)[0].first;
            for (std::size_t i = 1; i < axis->size(); ++i)
                EXPECT_NEAR((*axis)[i].first - (*axis)[i - 1].first, step, 1e-9);
        }
        Spot const corner = drawn.of_style("frame").at(0).spots.front();
        EXPECT_EQ(drawn.years().front().second, corner.x);
        EXPECT_EQ(drawn.years().front().first, std::floor(chart.points[0].age_months / 12) - 1);
        // A line of the grid at each number, but for years at the edges.
        std::vector<double> numbers;
        for (auto const &[year, x] : drawn.years()) {
            if (x != corner.x && std::abs(x - drawn.of_style("grid").back().spots.back().x) > 0.02)
                numbers.push_back(x);
        }
        std::vector<double> upright;
        for (const Line &line : drawn.of_style("grid")) {
            if (line.spots[0].x == line.spots[1].x)
                upright.push_back(line.spots[0].x);
        }
        EXPECT_EQ(upright, numbers);
        EXPECT_EQ(drawn.of_style("grid").size(), numbers.size() + drawn.values().size());
    });
}

TEST(DrawnChart, CurvesAndPointsFillThePlot)
{
    for_each_chart([](const Chart &chart) {
        DrawnChart const drawn(chart);
        Line const grid = drawn.of_style("grid").at(0);
        double const top = grid.spots[0].y;
        double const bottom = grid.spots[1].y;
        double highest = bottom;
        double lowest = top;
        for (const Line &line : drawn.lines()) {
            if (line.style == "outer" || line.style == "path") {
                for (const Spot &spot : line.spots) {
                    highest = std::min(highest, spot.y);
                    lowest = std::max(lowest, spot.y);
                }
            }
        }
        EXPECT_GT(highest - top, 0.015 * (bottom - top));
        EXPECT_LT(highest - top, 0.05 * (bottom - top));
        EXPECT_GT(bottom - lowest, 0.015 * (bottom - top));
        EXPECT_LT(bottom - lowest, 0.05 * (bottom - top));
    });
}

TEST(DrawnChart, WhatIsImplausibleIsADiamondAtItsAge)
{
    std::vector<ChartPoint> const points{{100, 130, false}, {110, 114.5, true}, {120, 138, false}};
    DrawnChart const drawn(chart_of(Measure::Height, Sex::Male, points));
    auto const diamonds = drawn.of_style("doubt");
    ASSERT_EQ(diamonds.size(), 1U);
    ASSERT_EQ(diamonds[0].spots.size(), 4U);
    EXPECT_NEAR(drawn.years_at(diamonds[0].spots[0]), 110.0 / 12, 0.001);
    EXPECT_NEAR(drawn.value_at(diamonds[0].spots[1]), 114.5, 0.02);
    EXPECT_NE(drawn.svg().find("<title>9.17 years: 114.5 cm, implausible</title>"), std::string::npos);
}

TEST(DrawnChart, WhatIsNotPlainAsciiIsANumericEntity)
{
    for_each_chart([](const Chart &chart) {
        std::string const svg = DrawnChart(chart).svg();
        for (auto at = svg.find('&'); at != std::string::npos; at = svg.find('&', at + 1))
            EXPECT_EQ(svg.substr(at, 6), "&#178;");
        EXPECT_EQ(std::count(svg.begin(), svg.end(), '<'), std::count(svg.begin(), svg.end(), '>'));
    });
}

TEST(DrawnChart, AMomentOfNoMeasurementsSaysSo)
{
    DrawnChart const drawn(chart_of(Measure::Weight, Sex::Female, {}));
    EXPECT_TRUE(drawn.says("no measurements"));
    EXPECT_EQ(drawn.points().size(), 0U);
    EXPECT_EQ(drawn.of_style("path").size(), 0U);
    std::vector<ChartPoint> const beyond{{12, 75, false}, {118, 54, true}, {250, 170, false}};
    EXPECT_TRUE(DrawnChart(chart_of(Measure::Height, Sex::Female, beyond))
                    .says("1 implausible, off the scale (arrow), 2 of other ages"));
}

// Relative luminance and contrast as WCAG 2 defines them: what colours are in black and white.
double luminance(const std::string &colour)
{
    std::string const full =
        colour.size() == 3 ? std::string{colour[0], colour[0], colour[1], colour[1], colour[2], colour[2]} : colour;
    double sum = 0;
    constexpr double kShares[] = {0.2126, 0.7152, 0.0722};
    for (std::size_t i = 0; i < 3; ++i) {
        double const share = std::stoi(full.substr(2 * i, 2), nullptr, 16) / 255.0;
        sum += kShares[i] * (share <= 0.03928 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double contrast(const std::string &a, const std::string &b)
{
    auto const [low, high] = std::minmax({luminance(a), luminance(b)});
    return (high + 0.05) / (low + 0.05);
}

// The colours of the classes in a part of the style.
void read_colours(const std::string &style, std::map<std::string, std::string> &colours)
{
    static std::regex const rule("([^{}]*)\\{[^{}]*?(?:fill|stroke):#([0-9a-f]+)[^{}]*\\}");
    static std::regex const name("\\.wc-growth[- ]([a-z]+)");
    for (std::sregex_iterator at(style.begin(), style.end(), rule), end; at != end; ++at) {
        std::string const selectors = (*at)[1];
        for (std::sregex_iterator of(selectors.begin(), selectors.end(), name); of != end; ++of)
            colours[(*of)[1]] = (*at)[2];
    }
}

TEST(DrawnChart, IsReadableInLightAndDarkAndWithoutColours)
{
    std::vector<ChartPoint> const points = child_of(Measure::Bmi, Sex::Male, 1);
    DrawnChart const drawn(chart_of(Measure::Bmi, Sex::Male, points));
    auto const begin = drawn.svg().find("<style>");
    auto const dark = drawn.svg().find("@media screen and (prefers-color-scheme:dark){");
    auto const end = drawn.svg().find("</style>");
    ASSERT_LT(dark, end);
    std::map<std::string, std::string> colours;
    for (bool const is_dark : {false, true}) {
        read_colours(is_dark ? drawn.svg().substr(dark, end - dark) : drawn.svg().substr(begin, dark - begin), colours);
        std::string const paper = colours.at("paper");
        EXPECT_EQ(luminance(paper) < 0.1, is_dark);
        EXPECT_EQ(colours.at("rim"), paper);
        EXPECT_GE(contrast(colours.at("text"), paper), 7);
        EXPECT_GE(contrast(colours.at("path"), paper), 7);
        EXPECT_EQ(colours.at("path"), colours.at("dot"));
        for (char const *const curve : {"curve", "bound", "outer", "median", "frame"})
            EXPECT_GE(contrast(colours.at(curve), paper), 3) << curve;
        for (char const *const curve : {"curve", "bound", "outer", "median"})
            EXPECT_GE(contrast(colours.at("path"), colours.at(curve)), 1.4) << curve;
        EXPECT_LT(contrast(colours.at("grid"), paper), 1.5);
    }
    // No class without a rule.
    static std::regex const used("class=\"wc-growth-([a-z]+)\"");
    for (std::sregex_iterator at(drawn.svg().begin(), drawn.svg().end(), used), none; at != none; ++at)
        EXPECT_TRUE(colours.contains((*at)[1])) << (*at)[1];
}

}  // namespace
}  // namespace wc::growth
