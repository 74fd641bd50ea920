// Trends as JSON.
#pragma once
#include "core/json/buffer.hpp"
#include "core/vitals/trend.hpp"

namespace wc {

/// trend, changeRate, average, min, max, points; a rate that there is none of is null.  The object stays open.
void write_trend(json::Buffer &out, const vitals::Trend &trend);

/// slopePer30Days and rSquared, and the end of the object.
void write_line_fit(json::Buffer &out, const vitals::Trend &trend);

}  // namespace wc
