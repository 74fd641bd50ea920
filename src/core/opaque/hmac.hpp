// HMAC-SHA256, as RFC 2104 defines it.
#pragma once
#include <string_view>

#include "core/opaque/sha256.hpp"

namespace wc::opaque {

/// A key, ready to authenticate texts.  The key itself is not kept, but whoever has this object can do all that the key
/// can.  Trivially copyable.
class Hmac {
public:
    /// Makes an object without a key, to be assigned later.  REQUIRES: of() is not called before that.
    Hmac() noexcept = default;
    explicit Hmac(std::string_view key) noexcept;

    Digest of(std::string_view text) const noexcept;

private:
    Sha256 inner_, outer_;  // each has seen the key
};

}  // namespace wc::opaque
