// What the worker shares with the function library in Redis (worker/redis/library): names of keys, and bits of
// answers.  test/lint/test_protocol.py holds the library against this file.
#pragma once
#include <cstddef>
#include <string_view>

namespace wc::library {

inline constexpr std::string_view kFenceAll = "wc:fence:all";
inline constexpr std::string_view kEpoch = "wc:epoch";
inline constexpr std::string_view kEpochOf = "wc:epoch:of";
inline constexpr std::string_view kEpochLife = "wc:epoch:life";
inline constexpr std::string_view kEpochOpening = "wc:epoch:opening";
inline constexpr std::string_view kHorizon = "wc:horizon";
inline constexpr std::string_view kClock = "wc:clock";
inline constexpr std::string_view kAlive = "wc:alive";
inline constexpr std::string_view kSeen = "wc:seen";

/// The longest text of a fence, in bytes.
inline constexpr std::size_t kMaxFenceBytes = 512;

/// Bits of what wc_invalidate answers for a student, beside those of the kinds (1 << cache::Kind).
inline constexpr long long kWasMisfit = 8;
inline constexpr long long kLostPages = 16;
inline constexpr long long kMorePages = 32;

/// Beside the kinds that wc_invalidate is asked to remove: the student's fence and pages count as misfits.
inline constexpr long long kSweep = 8;

}  // namespace wc::library
