// Points in time as JavaScript writes them.
#pragma once
#include <cstdint>
#include <string_view>

namespace wc::time {

/// Reads an ISO 8601 date, or date and time: `2025-10-10`, `2025-10-10T09:30`, `2025-10-10T09:30:15.123456Z`,
/// `2025-10-10 09:30:15+02:00`.  A date alone is its midnight; without a zone it is UTC.  Years have four digits, or a
/// sign and six, as JavaScript writes those beyond 0 to 9999.  What is below a microsecond is cut off.
///
/// `microseconds` count from 2000-01-01T00:00:00Z, PostgreSQL's epoch.  False for any other text and for days that do
/// not exist.
bool parse_iso_time(std::string_view text, std::int64_t &microseconds) noexcept;

}  // namespace wc::time
