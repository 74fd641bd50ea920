// The keys in an answer to SCAN.
#pragma once
#include <string_view>
#include <vector>

#include "redis/connection.hpp"

namespace wc::redis {

/// Returns the keys, which point into the reply.  Throws ReplyError if the reply is no answer to SCAN.
std::vector<std::string_view> scan_keys(const Reply &found);

}  // namespace wc::redis
