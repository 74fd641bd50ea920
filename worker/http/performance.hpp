// What the database, Redis and this process have done lately, as bodies of answers.
#pragma once
#include <string>

#include "app/observation.hpp"

namespace wc::http {

/// The body of /api/admin/performance, in the shape of schema/performance.schema.json.  It always has all keys; a value
/// that is unknown or too old is null.
std::string performance_json(const app::Seen &seen, Time now);

/// The body of /api/admin/slow, in the shape of schema/slow.schema.json.
std::string slow_json(const app::Seen &seen, Time now);

}  // namespace wc::http
