// Prometheus's form of metrics as plain values.
#pragma once
#include <prometheus/metric_family.h>

#include "metrics/family.hpp"

namespace wc::metrics {

Family plain(const prometheus::MetricFamily &family, bool since_start);

}  // namespace wc::metrics
