#include "core/growth/chart.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/growth/chart_labels.hpp"
#include "core/growth/chart_scale.hpp"

namespace wc::growth {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kStyle =
    ".wc-growth text{font-family:system-ui,'Segoe UI','DejaVu Sans',Arial,sans-serif;fill:#30343b}"
    ".wc-growth-paper{fill:#fff}"
    ".wc-growth-grid{stroke:#e3e5e9;stroke-width:1;fill:none}"
    ".wc-growth-frame{stroke:#777d88;stroke-width:1;fill:none}"
    ".wc-growth-curve{stroke:#878d98;stroke-width:1;fill:none}"
    ".wc-growth-bound{stroke:#6b717d;stroke-width:1.5;fill:none}"
    ".wc-growth-outer{stroke:#878d98;stroke-width:1;stroke-dasharray:5 3;fill:none}"
    ".wc-growth-median{stroke:#6b717d;stroke-width:2.5;fill:none}"
    ".wc-growth-lead{stroke:#a9afb9;stroke-width:0.75;fill:none}"
    ".wc-growth-rim{stroke:#fff;stroke-width:5;stroke-linejoin:round;fill:none}"
    ".wc-growth-path{stroke:#083c7a;stroke-width:2;stroke-linejoin:round;fill:none}"
    ".wc-growth-point{fill:#083c7a;stroke:#fff;stroke-width:1}"
    ".wc-growth-dot{fill:#083c7a}"
    ".wc-growth-doubt{fill:#fff;stroke:#083c7a;stroke-width:1.5}"
    ".wc-growth .wc-growth-far{fill:#083c7a;stroke:#fff;stroke-width:3;stroke-linejoin:round;paint-order:stroke}"
    "@media screen and (prefers-color-scheme:dark){"
    ".wc-growth text{fill:#d9dce2}"
    ".wc-growth-paper{fill:#15181d}"
    ".wc-growth-grid{stroke:#2a2f37}"
    ".wc-growth-frame{stroke:#7d8591}"
    ".wc-growth-curve,.wc-growth-outer{stroke:#737b87}"
    ".wc-growth-bound,.wc-growth-median{stroke:#969eaa}"
    ".wc-growth-lead{stroke:#59616d}"
    ".wc-growth-rim{stroke:#15181d}"
    ".wc-growth-path{stroke:#8cc4ff}"
    ".wc-growth-point{fill:#8cc4ff;stroke:#15181d}"
    ".wc-growth-dot{fill:#8cc4ff}"
    ".wc-growth-doubt{fill:#15181d;stroke:#8cc4ff}"
    ".wc-growth .wc-growth-far{fill:#8cc4ff;stroke:#15181d}"
    "}"sv;

// The width of a letter, on the wide side, as a share of the size of its text.
constexpr double kLetter = 0.62;

struct Words {
    std::string_view title;
    std::string_view axis;
    std::string_view unit;
};

Words words_of(Measure measure)
{
    switch (measure) {
        case Measure::Bmi: return {"Body mass index"sv, "BMI (kg/m&#178;)"sv, "kg/m&#178;"sv};
        case Measure::Height: return {"Height"sv, "height (cm)"sv, "cm"sv};
        case Measure::Weight: return {"Weight"sv, "weight (kg)"sv, "kg"sv};
    }
    return {};
}

std::string_view children(Sex sex)
{
    switch (sex) {
        case Sex::Male: return ", boys"sv;
        case Sex::Female: return ", girls"sv;
        case Sex::Other: return ""sv;
    }
    return {};
}

void write(json::Buffer &out, std::string_view text) { out.append(text); }

// At most two decimals, and none that are 0.
void write(json::Buffer &out, double number)
{
    constexpr std::size_t kMostDigits = 40;
    double const rounded = std::round(number * 100) / 100 + 0.0;
    char *const to = out.reserve(kMostDigits);
    out.advance(std::to_chars(to, to + kMostDigits, rounded).ptr);
}

void write(json::Buffer &out, int number) { write(out, static_cast<double>(number)); }

template <class... Parts>
void write_all(json::Buffer &out, Parts... parts)
{
    (write(out, parts), ...);
}

void write_line(json::Buffer &out, std::string_view style, double x1, double y1, double x2, double y2)
{
    write_all(out, "<path class=\"wc-growth-"sv, style, "\" d=\"M"sv, x1, " "sv, y1, "L"sv, x2, " "sv, y2, "\"/>\n"sv);
}

enum class Anchor { Start, Middle, End };

void begin_text(json::Buffer &out, double x, double y, double size, Anchor anchor)
{
    write_all(out, "<text x=\""sv, x, "\" y=\""sv, y, "\" font-size=\""sv, size, "\""sv);
    if (anchor != Anchor::Start)
        write_all(out, " text-anchor=\""sv, anchor == Anchor::Middle ? "middle"sv : "end"sv, "\""sv);
}

// Sizes of the drawing, which is enlarged as a whole where its texts would be small on the picture.
struct Layout {
    double width;
    double height;
    double text;  // size of the numbers
    Scale scale;
};

Layout lay_out(const Chart &chart)
{
    constexpr double kLargestText = 20;
    Layout layout{};
    double const text = std::max(8.0, std::min(chart.width / 58.0, chart.height / 40.0));
    double const enlarged = std::max(1.0, text / kLargestText);
    layout.text = text / enlarged;
    layout.width = chart.width / enlarged;
    layout.height = chart.height / enlarged;
    layout.scale = make_scale(chart, 4.4 * layout.text, layout.width - 3.4 * layout.text, 3.2 * layout.text,
                              layout.height - 4.5 * layout.text, layout.text);
    return layout;
}

void write_head(json::Buffer &out, const Chart &chart, const Layout &layout)
{
    Words const words = words_of(chart.measure);
    write_all(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"wc-growth\" width=\""sv, chart.width,
              "\" height=\""sv, chart.height, "\" viewBox=\"0 0 "sv, layout.width, " "sv, layout.height,
              "\" role=\"img\">\n<title>"sv, words.title, " for age"sv, children(chart.sex), "</title>\n<style>"sv,
              kStyle, "</style>\n"sv);
    write_all(out, "<rect class=\"wc-growth-paper\" width=\""sv, layout.width, "\" height=\""sv, layout.height,
              "\"/>\n"sv);
    // What does not fit at its size is set smaller.
    double const letters = static_cast<double>(words.title.size() + " for age"sv.size() + children(chart.sex).size());
    double const size = std::min(1.3 * layout.text, (layout.width - layout.text) / letters / kLetter);
    begin_text(out, layout.width / 2, 1.9 * layout.text, size, Anchor::Middle);
    write_all(out, " font-weight=\"600\">"sv, words.title, " for age"sv, children(chart.sex), "</text>\n"sv);
}

void write_axes(json::Buffer &out, const Chart &chart, const Layout &layout)
{
    const Scale &scale = layout.scale;
    double const text = layout.text;
    for (int year = scale.first_year; year <= scale.last_year; ++year) {
        if ((year - scale.first_year) % scale.year_step != 0)
            continue;
        if (year > scale.first_year && year < scale.last_year)
            write_line(out, "grid"sv, scale.x(year * 12), scale.top, scale.x(year * 12), scale.bottom);
        begin_text(out, scale.x(year * 12), scale.bottom + 1.3 * text, text, Anchor::Middle);
        write_all(out, ">"sv, year, "</text>\n"sv);
    }
    auto const first = static_cast<int>(std::ceil(scale.lowest / scale.value_step));
    auto const last = static_cast<int>(std::floor(scale.highest / scale.value_step));
    for (int n = first; n <= last; ++n) {
        double const value = n * scale.value_step;
        write_line(out, "grid"sv, scale.left, scale.y(value), scale.right, scale.y(value));
        begin_text(out, scale.left - 0.5 * text, scale.y(value) + 0.36 * text, text, Anchor::End);
        write_all(out, ">"sv, value, "</text>\n"sv);
    }
    write_all(out, "<path class=\"wc-growth-frame\" d=\"M"sv, scale.left, " "sv, scale.top, "V"sv, scale.bottom, "H"sv,
              scale.right, "V"sv, scale.top, "Z\"/>\n"sv);
    double const middle = (scale.left + scale.right) / 2;
    begin_text(out, middle, scale.bottom + 2.8 * text, text, Anchor::Middle);
    write_all(out, ">age (years)</text>\n"sv);
    double const center = (scale.top + scale.bottom) / 2;
    begin_text(out, 1.3 * text, center, text, Anchor::Middle);
    write_all(out, " transform=\"rotate(-90 "sv, 1.3 * text, " "sv, center, ")\">"sv, words_of(chart.measure).axis,
              "</text>\n"sv);
}

std::string_view style_of(Measure measure, int percentile)
{
    if (percentile == 50)
        return "median"sv;
    if (percentile == 3 || percentile == 97)
        return "outer"sv;
    bool const divides = measure == Measure::Bmi && (percentile == 5 || percentile == 85 || percentile == 95);
    return divides ? "bound"sv : "curve"sv;
}

void write_curves(json::Buffer &out, const Chart &chart, const Layout &layout)
{
    const Scale &scale = layout.scale;
    double const text = layout.text;
    double const size = 0.9 * text;
    Curves const curves = choose_curves(chart, scale, 1.15 * size);
    // About every six pixels, and no finer than a month.
    int const step =
        std::max(1, static_cast<int>(6 * (scale.last_year - scale.first_year) * 12 / (scale.right - scale.left)));
    for (int i = 0; i < curves.count; ++i) {
        const Curve &curve = curves.all[i];
        write_all(out, "<path class=\"wc-growth-"sv, style_of(chart.measure, curve.percentile), "\" d=\"M"sv);
        int const last = scale.last_year * 12;
        for (int month = scale.first_year * 12;; month = std::min(month + step, last)) {
            write_all(out, scale.x(month), " "sv, scale.y(curve_value(chart, curve.percentile, month)));
            if (month == last)
                break;
            write(out, "L"sv);
        }
        write(out, "\"/>\n"sv);
        if (std::abs(curve.label - curve.end) > 0.3 * size)
            write_line(out, "lead"sv, scale.right + 1, curve.end, scale.right + 0.6 * text, curve.label);
        begin_text(out, scale.right + 0.7 * text, curve.label + 0.36 * size, size, Anchor::Start);
        write_all(out, curve.percentile == 50 ? " font-weight=\"600\">P"sv : ">P"sv, curve.percentile, "</text>\n"sv);
    }
}

void write_tip(json::Buffer &out, const Chart &chart, const ChartPoint &point)
{
    write_all(out, "<title>"sv, point.age_months / 12, " years: "sv, point.value, " "sv, words_of(chart.measure).unit,
              point.is_implausible ? ", implausible</title>"sv : "</title>"sv);
}

void write_path(json::Buffer &out, const Chart &chart, const Scale &scale, std::string_view style)
{
    bool is_open = false;
    for (std::size_t i = 0; i < chart.count; ++i) {
        const ChartPoint &point = chart.points[i];
        if (point.is_implausible || !is_of_chart_age(point.age_months))
            continue;
        if (is_open)
            write(out, "L"sv);
        else
            write_all(out, "<path class=\"wc-growth-"sv, style, "\" d=\"M"sv);
        is_open = true;
        write_all(out, scale.x(point.age_months), " "sv, scale.y(point.value));
    }
    if (is_open)
        write(out, "\"/>\n"sv);
}

// The labels of the points beyond an edge, in two rows along it: a label that would touch another is left out, and the
// tip of its arrow still says the value.
class EdgeLabels {
public:
    /// Which row has room around `x` for a label; -1: none.
    int take_room(double x, double width)
    {
        for (int row = 0; row < kRows; ++row) {
            if (x - width / 2 >= end_[row]) {
                end_[row] = x + width / 2;
                return row;
            }
        }
        return -1;
    }

private:
    static constexpr int kRows = 2;
    static constexpr double kNothing = -std::numeric_limits<double>::infinity();
    double end_[kRows] = {kNothing, kNothing};
};

int letters_of(double value)
{
    char digits[40];
    return static_cast<int>(std::to_chars(digits, digits + sizeof digits, std::round(value * 100) / 100).ptr - digits);
}

void write_arrow(json::Buffer &out, const Chart &chart, const Layout &layout, const ChartPoint &point, double arm,
                 EdgeLabels &labels)
{
    const Scale &scale = layout.scale;
    bool const is_above = point.value > scale.highest;
    double const inwards = is_above ? 1 : -1;
    double const x = scale.x(point.age_months);
    double const tip = (is_above ? scale.top : scale.bottom) + inwards * 1.5;
    double const foot = tip + inwards * 1.7 * arm;
    write_all(out, "<path class=\"wc-growth-doubt\" d=\"M"sv, x, " "sv, tip, "L"sv, x + arm, " "sv, foot, "L"sv,
              x - arm, " "sv, foot, "Z\">"sv);
    write_tip(out, chart, point);
    write(out, "</path>\n"sv);

    double const size = 0.8 * layout.text;
    double const width = kLetter * size * (letters_of(point.value) + 1);
    // Inside the frame, also at its sides.
    double const middle = std::clamp(x, scale.left + width / 2, std::max(scale.left, scale.right) - width / 2);
    int const row = width < scale.right - scale.left ? labels.take_room(middle, width) : -1;
    if (row < 0)
        return;
    double const base = foot + inwards * (0.3 + 1.1 * row) * size + (is_above ? 0.75 * size : 0);
    write_all(out, "<text class=\"wc-growth-far\" x=\""sv, middle, "\" y=\""sv, base, "\" font-size=\""sv, size,
              "\" text-anchor=\"middle\">"sv, point.value, "</text>\n"sv);
}

void write_points(json::Buffer &out, const Chart &chart, const Layout &layout)
{
    const Scale &scale = layout.scale;
    // Without colours the rim is what sets the child's line apart from a curve that it follows.
    write_path(out, chart, scale, "rim"sv);
    write_path(out, chart, scale, "path"sv);
    double const crowded =
        (scale.right - scale.left) / (3.0 * static_cast<double>(std::max<std::size_t>(chart.count, 1)));
    double const radius = std::clamp(crowded, 0.16 * layout.text, 0.38 * layout.text);
    double const arm = std::max(radius, 0.3 * layout.text) * 1.3;
    // Rims would hide small points, and the line between them.
    std::string_view const style = radius < 0.25 * layout.text ? "dot"sv : "point"sv;
    EdgeLabels above;
    EdgeLabels below;
    for (std::size_t i = 0; i < chart.count; ++i) {
        const ChartPoint &point = chart.points[i];
        if (!is_of_chart_age(point.age_months))
            continue;
        double const x = scale.x(point.age_months);
        double const y = scale.y(point.value);
        if (!point.is_implausible) {
            write_all(out, "<circle class=\"wc-growth-"sv, style, "\" cx=\""sv, x, "\" cy=\""sv, y, "\" r=\""sv, radius,
                      "\">"sv);
            write_tip(out, chart, point);
            write(out, "</circle>\n"sv);
        } else if (scale.shows(point.value)) {
            write_all(out, "<path class=\"wc-growth-doubt\" d=\"M"sv, x, " "sv, y - arm, "L"sv, x + arm, " "sv, y,
                      "L"sv, x, " "sv, y + arm, "L"sv, x - arm, " "sv, y, "Z\">"sv);
            write_tip(out, chart, point);
            write(out, "</path>\n"sv);
        } else {
            write_arrow(out, chart, layout, point, arm, point.value > scale.highest ? above : below);
        }
    }
}

// The line at the foot: what a reader would otherwise miss, or take for something else.
class Notes {
public:
    void add(std::size_t number, std::string_view words)
    {
        if (number > 0) {
            all_[count_++] = {number, words};
            letters_ += static_cast<int>(words.size()) + 2 + letters_of(static_cast<double>(number)) + 1;
        }
    }
    void add(std::string_view words)
    {
        all_[count_++] = {0, words};
        letters_ += static_cast<int>(words.size()) + 2;
    }

    int letters() const noexcept { return letters_; }

    void write_all_of_them(json::Buffer &out) const
    {
        for (int i = 0; i < count_; ++i) {
            write(out, i == 0 ? ""sv : ", "sv);
            if (all_[i].number > 0)
                write_all(out, static_cast<double>(all_[i].number), " "sv);
            write(out, all_[i].words);
        }
    }

private:
    struct Note {
        std::size_t number;
        std::string_view words;
    };
    static constexpr int kMost = 8;
    Note all_[kMost];
    int count_ = 0;
    int letters_ = 0;
};

Notes find_notes(const Chart &chart, const Scale &scale)
{
    std::size_t doubted = 0;
    std::size_t beyond = 0;
    std::size_t outside = 0;
    for (std::size_t i = 0; i < chart.count; ++i) {
        const ChartPoint &point = chart.points[i];
        if (!is_of_chart_age(point.age_months))
            ++outside;
        else if (point.is_implausible && scale.shows(point.value))
            ++doubted;
        else if (point.is_implausible)
            ++beyond;
    }
    Notes notes;
    if (chart.sex == Sex::Other)
        notes.add("no reference for this sex"sv);
    if (!chart.has_birth_date)
        notes.add("no birth date"sv);
    if (chart.count == 0 && chart.undated == 0)
        notes.add("no measurements"sv);
    notes.add(chart.undated, "without an age"sv);
    notes.add(doubted, "implausible (hollow)"sv);
    notes.add(beyond, "implausible, off the scale (arrow)"sv);
    notes.add(outside, "of other ages"sv);
    return notes;
}

// And the source, if there is room.
void write_notes(json::Buffer &out, const Chart &chart, const Layout &layout)
{
    Notes const notes = find_notes(chart, layout.scale);
    double const size = 0.8 * layout.text;
    double const y = layout.height - 0.5 * size;
    if (notes.letters() > 0) {
        double const fitting = (layout.width - 1.2 * size) / (notes.letters() * kLetter);
        begin_text(out, 0.6 * size, y, std::min(size, fitting), Anchor::Start);
        write(out, ">"sv);
        notes.write_all_of_them(out);
        write(out, "</text>\n"sv);
    }
    std::string_view const source = chart.measure == Measure::Bmi ? "CDC 2000, extended 2022"sv : "CDC 2000"sv;
    double const letters = notes.letters() + static_cast<double>(source.size()) + 1;
    if (chart.sex == Sex::Other || letters * size * kLetter > layout.scale.right)
        return;
    begin_text(out, layout.scale.right, y, size, Anchor::End);
    write_all(out, ">"sv, source, "</text>\n"sv);
}

}  // namespace

void write_chart(json::Buffer &out, const Chart &chart)
{
    Layout const layout = lay_out(chart);
    write_head(out, chart, layout);
    write_axes(out, chart, layout);
    write_curves(out, chart, layout);
    write_points(out, chart, layout);
    write_notes(out, chart, layout);
    write(out, "</svg>\n"sv);
}

}  // namespace wc::growth
