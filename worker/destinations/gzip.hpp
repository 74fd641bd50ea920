// Compression for bodies of HTTP.
#pragma once
#include <string>
#include <string_view>

namespace wc::destinations {

/// Throws std::bad_alloc.
std::string gzip(std::string_view text);

}  // namespace wc::destinations
