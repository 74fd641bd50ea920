// Compares two snapshot tokens (core/protocol/snapshot_token.hpp).
#pragma once
#include <string_view>

namespace wc::snapshot_token {

/// Whether all that is visible in the snapshot `other` is visible in `token` too.  False where either text is no token,
/// and for tokens of different servers or lives of a server, whose ids mean different transactions.
bool covers(std::string_view token, std::string_view other);

}  // namespace wc::snapshot_token
