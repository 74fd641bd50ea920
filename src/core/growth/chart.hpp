// A growth chart as SVG: CDC's percentile curves, and one child's measurements over them.
//
// The picture is a whole XML document of ASCII alone, whatever the encoding around it.  It follows the reader's light
// or dark scheme by itself, embedded or not; its classes begin with wc-growth, so that it may stand inside a page.
#pragma once
#include <cstddef>

#include "core/growth/reference.hpp"
#include "core/json/buffer.hpp"

namespace wc::growth {

struct ChartPoint {
    double age_months;
    double value;  // positive and finite
    bool is_implausible;
};

struct Chart {
    Measure measure;
    Sex sex;    // Other: no curves
    int width;  // in pixels
    int height;
    const ChartPoint *points;  // by age
    std::size_t count;
};

/// Sizes that a chart can have.
inline constexpr int kSmallestChart = 160;
inline constexpr int kLargestChart = 4000;

/// Appends the document.  Points outside 2 to 20 years are counted, not drawn.  Implausible points are hollow, join no
/// line, and stand at the edge where they lie beyond it.
void write_chart(json::Buffer &out, const Chart &chart);

}  // namespace wc::growth
