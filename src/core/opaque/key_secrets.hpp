// The secrets that make opaque ids, and the file that holds them.
//
// A key of Redis names a student by an opaque id: the first 128 bits of HMAC-SHA256(secret, id), as base64url without
// padding, 22 characters.  The file has one secret a line, at most two.  The first one makes new keys.  The second is
// one that is coming or going: keys that were made with it are removed too.
//
// A fingerprint names a secret to those who compare, and tells nothing about it.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "core/opaque/hmac.hpp"

namespace wc::opaque {

/// `Length` characters of base64url.
template <std::size_t Length>
struct Text {
    std::array<char, Length> characters;
    std::string_view view() const noexcept { return {characters.data(), characters.size()}; }
};
using Id = Text<22>;
using Fingerprint = Text<8>;

/// One secret.  Trivially copyable.
class Secret {
public:
    /// A place for one.
    Secret() noexcept = default;
    explicit Secret(std::string_view text) noexcept : mac_(text) {}

    Id id_of(std::string_view student) const noexcept;
    Fingerprint fingerprint() const noexcept;

private:
    Hmac mac_;
};

/// The shortest secret, in characters, and the largest file, in bytes.
inline constexpr std::size_t kShortestSecret = 32;
inline constexpr std::size_t kLargestFile = 4096;

/// The secrets of a file, in its order.  The views are into the text of the file.
struct SecretLines {
    std::array<std::string_view, 2> secrets;
    std::size_t count;
    const char *fault;  ///< what is wrong with the file, as `has no secret`; null: nothing is
};

/// Reads the text of a file.  Space around a secret does not count, nor do empty lines.  No fault shows any of the
/// text.
SecretLines parse_secrets(std::string_view file) noexcept;

/// What the mode of a file lets others do that they must not, as `may be read by everybody`.  Null: nothing.
const char *exposure_of(unsigned int mode) noexcept;

}  // namespace wc::opaque
