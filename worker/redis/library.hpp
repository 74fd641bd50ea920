// The Redis function library `white_cross`, which is part of this program.
#pragma once
#include <string_view>

#include "redis/connection.hpp"

namespace wc::redis {

/// The text of white_cross.lua.
std::string_view library_source() noexcept;

/// Loads the library where it is missing or another.  Throws ReplyError with one clear line when the server is too old
/// for functions, or when this user may not load them.
void ensure_library(Connection &connection);

}  // namespace wc::redis
