// The Redis function library `white_cross`, whose source is built into this program.
#pragma once
#include <string_view>

#include "redis/connection.hpp"

namespace wc::redis {

/// The text of the library: the parts of worker/redis/library.
std::string_view library_source() noexcept;

/// Loads the library if Redis has none or one of another source.  Throws ReplyError with one clear line when the server
/// is too old for functions, or when this user may not load them.
void ensure_library(Connection &connection);

}  // namespace wc::redis
