// A growth chart as SVG: CDC's percentile curves, and one child's measurements over them.
//
// The picture is a complete XML document.  It has only ASCII characters, so that any encoding can hold it.  It follows
// the reader's light or dark scheme by itself, alone or embedded.  Its classes begin with wc-growth, so that it can be
// part of a page.
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
    bool has_birth_date = true;
    std::size_t undated = 0;  // measurements without an age, for want of a birth date or of their own
};

/// The smallest and the largest size of a chart.
inline constexpr int kSmallestChart = 160;
inline constexpr int kLargestChart = 4000;

/// Appends the document.  Points outside 2 to 20 years are counted, but not drawn.  Implausible points are hollow, and
/// the line does not go through them.  If such a point lies beyond the edge, an arrow points to it, with its value if
/// there is room.  Texts and lines grow with the picture.
void write_chart(json::Buffer &out, const Chart &chart);

}  // namespace wc::growth
