// The token that a writer hands to readers: which transaction they must see.
//
//     XID.SYSTEM.TIMELINE.LIFE
//
// The 64-bit id of a transaction, and the life of the server that it belongs to.  Digits and dots alone, so that it can
// stand in a cookie or a URL.  The extension writes and reads tokens, the function library in Redis reads them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/text/number.hpp"

namespace wc::write_token {

inline constexpr char kAfterXid = '.';

struct Token {
    std::uint64_t xid;
    std::string_view server;  ///< SYSTEM.TIMELINE.LIFE
};

/// What the text says, or nothing where it is no token.  The result refers to the text.
inline std::optional<Token> parse(std::string_view text) noexcept
{
    auto const dot = text.find(kAfterXid);
    if (dot == std::string_view::npos || dot == 0 || (text[0] == '0' && dot > 1))
        return std::nullopt;
    auto const xid = parse_number<std::uint64_t>(text.substr(0, dot));
    auto const server = text.substr(dot + 1);
    int parts = 1;
    char before = kAfterXid;
    for (char const c : server) {
        if (c == kAfterXid ? before == kAfterXid : (c < '0' || c > '9'))
            return std::nullopt;
        parts += c == kAfterXid;
        before = c;
    }
    if (!xid || parts != 3 || before == kAfterXid)
        return std::nullopt;
    return Token{*xid, server};
}

}  // namespace wc::write_token
