#include "core/opaque/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace wc::opaque {
namespace {

static_assert(std::is_trivially_copyable_v<Sha256> && std::is_trivially_destructible_v<Sha256>);

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> kRounds = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// Numbers stand in the bytes with the highest byte first, whatever the processor's order.
std::uint32_t number_at(const unsigned char *bytes) noexcept
{
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

template <class Number>
void write_number(Number number, unsigned char *bytes) noexcept
{
    for (std::size_t i = 0; i < sizeof number; ++i)
        bytes[i] = static_cast<unsigned char>(number >> (8 * (sizeof number - 1 - i)));
}

}  // namespace

void Sha256::compress(const unsigned char *block) noexcept
{
    using std::rotr;
    std::array<std::uint32_t, 64> w;
    for (std::size_t i = 0; i < 16; ++i)
        w[i] = number_at(block + 4 * i);
    for (std::size_t i = 16; i < w.size(); ++i) {
        auto const early = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
        auto const late = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + early + w[i - 7] + late;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < w.size(); ++i) {
        auto const choice = (e & f) ^ (~e & g);
        auto const majority = (a & b) ^ (a & c) ^ (b & c);
        auto const first = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + choice + kRounds[i] + w[i];
        auto const second = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority;
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    std::array<std::uint32_t, 8> const worked{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < state_.size(); ++i)
        state_[i] += worked[i];
}

void Sha256::add(std::string_view bytes) noexcept
{
    while (!bytes.empty()) {
        std::size_t const used = size_ % kBlock;
        auto const part = bytes.substr(0, kBlock - used);
        std::memcpy(block_.data() + used, part.data(), part.size());
        size_ += part.size();
        bytes.remove_prefix(part.size());
        if (size_ % kBlock == 0)
            compress(block_.data());
    }
}

Digest Sha256::finish() noexcept
{
    constexpr std::size_t kBeforeSize = kBlock - sizeof size_;
    constexpr char kPadding[kBlock] = {'\x80'};
    std::uint64_t const bits = size_ * 8;
    std::size_t const used = size_ % kBlock;
    add({kPadding, (used < kBeforeSize ? kBeforeSize : kBeforeSize + kBlock) - used});
    char size[sizeof bits];
    write_number(bits, reinterpret_cast<unsigned char *>(size));
    add({size, sizeof size});
    Digest digest;
    for (std::size_t i = 0; i < state_.size(); ++i)
        write_number(state_[i], digest.data() + 4 * i);
    return digest;
}

}  // namespace wc::opaque
