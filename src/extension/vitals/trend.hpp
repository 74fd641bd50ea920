// Trends as JSON.
#pragma once
#include "core/json/buffer.hpp"
#include "core/vitals/trend.hpp"

namespace wc {

/// Writes an object with trend, changeRate, average, min, max and points.  changeRate is null where none is defined.
void write_trend(json::Buffer &out, const vitals::Trend &trend);

/// Like write_trend(), and adds the line that fits the points: slopePer30Days and rSquared.
void write_fitted_trend(json::Buffer &out, const vitals::Trend &trend);

}  // namespace wc
