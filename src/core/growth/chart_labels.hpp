// Which percentile curves a chart shows, and where their labels stand without touching each other.
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

/// The curves whose labels find room `gap` pixels apart, each near its curve; the least telling ones are left out
/// first. None for a sex without a reference.
Curves choose_curves(const Chart &chart, const Scale &scale, double gap) noexcept;

}  // namespace wc::growth
