// The slots of a Redis Cluster: which one a key is in.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wc::cache {

inline constexpr std::size_t kSlots = 16384;

/// CRC-16/XMODEM: polynomial 0x1021, no reflection, begins with 0.
constexpr std::uint16_t crc16(std::string_view text) noexcept
{
    constexpr auto kTable = [] {
        std::array<std::uint16_t, 256> table{};
        for (unsigned byte = 0; byte < table.size(); ++byte) {
            unsigned crc = byte << 8;
            for (int bit = 0; bit < 8; ++bit)
                crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
            table[byte] = static_cast<std::uint16_t>(crc);
        }
        return table;
    }();
    unsigned crc = 0;
    for (char const c : text)
        crc = (crc << 8) ^ kTable[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xFF];
    return static_cast<std::uint16_t>(crc);
}

/// Returns the part of a key that decides on its slot: what stands between the first { and the first } behind it, or
/// all of the key if nothing stands there.
constexpr std::string_view hash_tag(std::string_view key) noexcept
{
    auto const open = key.find('{');
    if (open == std::string_view::npos)
        return key;
    auto const close = key.find('}', open + 1);
    return close == std::string_view::npos || close == open + 1 ? key : key.substr(open + 1, close - open - 1);
}

constexpr std::size_t slot_of(std::string_view key) noexcept { return crc16(hash_tag(key)) % kSlots; }

/// Whether the keys of this student, in the form with braces, are all in one slot.  Those of an id that is empty or
/// begins with } are not: their braces hold nothing.
constexpr bool has_one_slot(std::string_view student_id) noexcept
{
    return !student_id.empty() && student_id.front() != '}';
}

}  // namespace wc::cache
