// SHA-256, as FIPS 180-4 defines it, for code that must neither allocate nor throw.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wc::opaque {

using Digest = std::array<unsigned char, 32>;

/// The hash of texts that are added one after another.  Trivially copyable: a copy goes on from the same place.
class Sha256 {
public:
    static constexpr std::size_t kBlock = 64;

    void add(std::string_view bytes) noexcept;
    /// REQUIRES: nothing is added afterwards.
    Digest finish() noexcept;

private:
    void compress(const unsigned char *block) noexcept;

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<unsigned char, kBlock> block_{};
    std::uint64_t size_ = 0;  // of all that was added, in bytes
};

}  // namespace wc::opaque
