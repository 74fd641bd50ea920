// Whether others on the network can read what goes to Redis.
#pragma once
#include <optional>
#include <string>

#include "redis/address.hpp"

namespace wc::redis {

/// Returns a sentence that names a host that is not this machine and is reached without TLS, and what to do about it;
/// nothing if there is none.  The sentence contains no password.
std::optional<std::string> describe_exposure(const Address &address);

}  // namespace wc::redis
