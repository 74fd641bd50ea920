// Bytes as text, by RFC 4648.
#pragma once
#include <string>
#include <string_view>

namespace wc {

std::string to_base64(std::string_view bytes);

/// Decodes base64, with or without padding.  Returns an empty text if this is not base64.
std::string from_base64(std::string_view text);

}  // namespace wc
