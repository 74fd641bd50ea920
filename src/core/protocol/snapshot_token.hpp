// The token that travels with a cached value: which transactions the value has seen.
//
//     XMIN:XMAX:XIP,XIP,...@STARTED#SYSTEM.TIMELINE.LIFE[/FINGERPRINT:OPAQUE_ID]
//
// A snapshot in the form of pg_snapshot with 64-bit ids; the start of its transaction in microseconds since 1970; the
// server that these ids belong to, and its life between two crashes, which a standby does not have.  The extension
// writes tokens, the function library in Redis judges by them, the worker reads the part of the server.  Clients pass
// them on.
//
// Where keys have opaque ids, the token of a value ends with the fingerprint of the secret and the id in its key.  Only
// under that key, and only while the worker removes keys of that secret, the library stores the value.
#pragma once
#include <string_view>

namespace wc::snapshot_token {

inline constexpr char kAfterBound = ':';
inline constexpr char kBetweenIds = ',';
inline constexpr char kBeforeStart = '@';
inline constexpr char kBeforeServer = '#';
inline constexpr char kBetweenServerParts = '.';
inline constexpr char kBeforeKey = '/';
inline constexpr char kBeforeKeyName = ':';

/// All characters that a token may have in front of the key.
inline constexpr std::string_view kCharacters = "0123456789:,@#.";

/// Whether the text may be a token: what somebody else puts in its place hardly is.  Not a check of its grammar.
constexpr bool may_be_token(std::string_view text) noexcept
{
    return !text.empty() && text.find_first_not_of(kCharacters) == std::string_view::npos &&
           text.find(kBeforeStart) != std::string_view::npos;
}

}  // namespace wc::snapshot_token
