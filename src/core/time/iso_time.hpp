// Points in time as JavaScript writes them.
#pragma once
#include <cstdint>
#include <string_view>

namespace wc::time {

/// Reads an ISO 8601 date, or date and time: `2025-10-10`, `2025-10-10T09:30`, `2025-10-10T09:30:15.123456Z`,
/// `2025-10-10 09:30:15+02:00`.  A date without a time means its midnight, and a time without a zone is in UTC.  Years
/// have four digits, or a sign and six or seven digits, as JavaScript writes years outside 0 to 9999.  Fractions of a
/// microsecond are cut off.
///
/// `microseconds` count from 2000-01-01T00:00:00Z, PostgreSQL's epoch.  Returns false for any other text, for days
/// that do not exist, and for times that do not fit 64 bits of microseconds.
bool parse_iso_time(std::string_view text, std::int64_t &microseconds) noexcept;

/// Reads the same texts into the day in UTC, counted from 2000-01-01, and the microseconds since its midnight, for days
/// that a PostgreSQL date can have and a timestamp cannot.
bool parse_iso_time(std::string_view text, std::int64_t &day, std::int64_t &of_day) noexcept;

/// Returns whether the text is a date without a time.  REQUIRES: parse_iso_time() has accepted it.
bool is_iso_day(std::string_view text) noexcept;

}  // namespace wc::time
