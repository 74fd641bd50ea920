// A chart as a reader sees it: what is written, and where; positions are read by the numbers on the axes.
#pragma once
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "core/growth/chart.hpp"
#include "test/fuzz/memory.hpp"

namespace wc::growth {

inline std::string picture(const Chart &chart)
{
    fuzz::OwnBuffer out;
    write_chart(out.buffer, chart);
    return std::string(out.buffer.view());
}

struct Spot {
    double x;
    double y;
};

struct Written {
    std::string text;
    Spot at;
    double size;
    std::string anchor;  // start, middle or end
    bool is_upright;
};

struct Line {
    std::string style;  // the class, without wc-growth-
    std::vector<Spot> spots;
};

class DrawnChart {
public:
    explicit DrawnChart(const Chart &chart) : svg_(picture(chart))
    {
        static std::regex const element(
            "<text x=\"([^\"]+)\" y=\"([^\"]+)\" font-size=\"([^\"]+)\"([^>]*)>([^<]*)</text>"
            "|<path class=\"wc-growth-([a-z]+)\" d=\"M([^\"]*)\""
            "|<text class=\"wc-growth-far\" x=\"([^\"]+)\" y=\"([^\"]+)\" font-size=\"([^\"]+)\"[^>]*>([^<]*)</text>"
            "|<circle class=\"wc-growth-([a-z]+)\" cx=\"([^\"]+)\" cy=\"([^\"]+)\"[^>]*><title>([^<]*)</title>");
        for (std::sregex_iterator at(svg_.begin(), svg_.end(), element), end; at != end; ++at)
            take(*at);
    }

    const std::string &svg() const { return svg_; }
    const std::vector<Written> &texts() const { return texts_; }
    const std::vector<Line> &lines() const { return lines_; }
    const std::vector<Spot> &points() const { return points_; }
    const std::vector<std::string> &tips() const { return tips_; }
    /// The values of points beyond the scale.
    const std::vector<Written> &far() const { return far_; }

    /// Pixels of the picture for one of the drawing.
    double enlarged() const
    {
        std::smatch found;
        std::regex_search(svg_, found, std::regex(" width=\"([0-9]+)\".* viewBox=\"0 0 ([0-9.]+) "));
        return std::stod(found[1]) / std::stod(found[2]);
    }

    bool says(const std::string &text) const
    {
        for (const Written &written : texts_) {
            if (written.text == text)
                return true;
        }
        return false;
    }

    std::vector<Line> of_style(const std::string &style) const
    {
        std::vector<Line> found;
        for (const Line &line : lines_) {
            if (line.style == style)
                found.push_back(line);
        }
        return found;
    }

    /// By the first and the last number of each axis.
    double years_at(const Spot &spot) const { return between(years_, spot.x); }
    double value_at(const Spot &spot) const { return between(values_, spot.y); }

    /// The numbers on the axes, each with its x or y.
    const std::vector<std::pair<double, double>> &years() const { return years_; }
    const std::vector<std::pair<double, double>> &values() const { return values_; }

private:
    void take(const std::smatch &match)
    {
        if (match[1].matched) {
            std::string const attributes = match[4];
            std::string const anchor = attributes.find("middle") != std::string::npos ? "middle"
                                       : attributes.find("end") != std::string::npos  ? "end"
                                                                                      : "start";
            Written const written{match[5],
                                  {std::stod(match[1]), std::stod(match[2])},
                                  std::stod(match[3]),
                                  anchor,
                                  attributes.find("rotate") == std::string::npos};
            texts_.push_back(written);
            bool const is_number = std::regex_match(written.text, std::regex("[0-9.]+"));
            if (is_number && anchor == "middle")
                years_.emplace_back(std::stod(written.text), written.at.x);
            if (is_number && anchor == "end")  // a number's middle is about a third of its size above its foot
                values_.emplace_back(std::stod(written.text), written.at.y - 0.36 * written.size);
        } else if (match[6].matched) {
            Line line{match[6], {}};
            std::string const path = match[7];
            static std::regex const spot("([0-9.-]+) ([0-9.-]+)");
            for (std::sregex_iterator at(path.begin(), path.end(), spot), end; at != end; ++at)
                line.spots.push_back({std::stod((*at)[1]), std::stod((*at)[2])});
            lines_.push_back(line);
        } else if (match[8].matched) {
            far_.push_back(
                {match[11], {std::stod(match[8]), std::stod(match[9])}, std::stod(match[10]), "middle", true});
        } else {
            points_.push_back({std::stod(match[13]), std::stod(match[14])});
            tips_.push_back(match[15]);
        }
    }

    static double between(const std::vector<std::pair<double, double>> &axis, double place)
    {
        auto const &[first, at_first] = axis.front();
        auto const &[last, at_last] = axis.back();
        return first + (place - at_first) * (last - first) / (at_last - at_first);
    }

    std::string svg_;
    std::vector<Written> texts_;
    std::vector<Written> far_;
    std::vector<Line> lines_;
    std::vector<Spot> points_;
    std::vector<std::string> tips_;
    std::vector<std::pair<double, double>> years_;
    std::vector<std::pair<double, double>> values_;
};

}  // namespace wc::growth
