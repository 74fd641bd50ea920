// The secret that signs messages, as Standard Webhooks writes it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "process/base64.hpp"

namespace wc::config {

/// The bytes of `whsec_…`; nothing if it is not one of 24 to 64 bytes.
inline std::optional<std::string> webhook_key(std::string_view secret)
{
    constexpr std::string_view kPrefix = "whsec_";
    if (!secret.starts_with(kPrefix))
        return std::nullopt;
    auto key = from_base64(secret.substr(kPrefix.size()));
    return key.size() >= 24 && key.size() <= 64 ? std::optional(std::move(key)) : std::nullopt;
}

}  // namespace wc::config
