// What the worker says of its own state, as bodies of answers.
#pragma once
#include <string>

#include "app/health.hpp"
#include "app/observation.hpp"
#include "metrics/metrics.hpp"

namespace wc::http {

/// The body of /healthz.
std::string health_json(const app::Health &health);

/// The body of /readyz: one line, or with `verbose` a line for each thing that it depends on.
std::string ready_text(const app::Health &health, Time now, bool verbose);

/// The body of /api/admin/status: the state, how far long work has come, what was done since the start,
/// each function's calls, and what wc_diagnose finds.
std::string status_json(const app::Health &health, const metrics::Totals &totals, const app::Seen &seen);

}  // namespace wc::http
