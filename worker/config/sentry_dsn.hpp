// Parses a DSN, with which Sentry says where events go.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace wc::config {

struct SentryDsn {
    std::string url;  ///< the address that takes envelopes
    std::string key;  ///< the public key
};

/// Reads `https://KEY[:SECRET]@host[:port][/path]/PROJECT`; nothing if it is wrong.
std::optional<SentryDsn> parse_sentry_dsn(std::string_view dsn);

}  // namespace wc::config
