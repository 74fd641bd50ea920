#include "core/opaque/hmac.hpp"

#include <cstring>

namespace wc::opaque {
namespace {

std::string_view bytes_of(const Digest &digest) noexcept
{
    return {reinterpret_cast<const char *>(digest.data()), digest.size()};
}

}  // namespace

Hmac::Hmac(std::string_view key) noexcept
{
    Digest shortened;
    if (key.size() > Sha256::kBlock) {
        Sha256 hash;
        hash.add(key);
        shortened = hash.finish();
        key = bytes_of(shortened);
    }
    char inner[Sha256::kBlock] = {}, outer[Sha256::kBlock] = {};
    std::memcpy(inner, key.data(), key.size());
    std::memcpy(outer, key.data(), key.size());
    for (std::size_t i = 0; i < Sha256::kBlock; ++i) {
        inner[i] = static_cast<char>(inner[i] ^ 0x36);
        outer[i] = static_cast<char>(outer[i] ^ 0x5c);
    }
    inner_.add({inner, sizeof inner});
    outer_.add({outer, sizeof outer});
}

Digest Hmac::of(std::string_view text) const noexcept
{
    auto inner = inner_;
    inner.add(text);
    auto const digest = inner.finish();
    auto outer = outer_;
    outer.add(bytes_of(digest));
    return outer.finish();
}

}  // namespace wc::opaque
