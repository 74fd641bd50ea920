// Which percentile curves a chart shows, and where their labels stand so that they do not touch each other.
#pragma once
#include "core/growth/chart_scale.hpp"

namespace wc::growth {

inline constexpr int kMostCurves = 10;

struct Curve {
    int percentile;
    double end;    // y of the curve's right end
    double label;  // y of its label
};

struct Curves {
    Curve all[kMostCurves];  // from the top of the picture down
    int count;
};

/// Returns the curves whose labels find room at least `gap` pixels apart, each near its curve.  The least useful labels
/// are left out first.  Returns no curves for a sex without a reference.
Curves choose_curves(const Chart &chart, const Scale &scale, double gap) noexcept;

}  // namespace wc::growth
