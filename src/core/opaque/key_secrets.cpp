#include "core/opaque/key_secrets.hpp"

#include <algorithm>
#include <type_traits>

namespace wc::opaque {
namespace {

static_assert(std::is_trivially_copyable_v<Secret> && std::is_trivially_destructible_v<Secret>);

// No id of a student is this text: PostgreSQL's text has no byte 0.
constexpr std::string_view kFingerprinted{"fingerprint\0", 12};

// The beginning of the digest; of the last character the bits that are left over are 0.
template <std::size_t Length>
Text<Length> base64url(const Digest &digest, std::size_t bits) noexcept
{
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    auto const bit = [&](std::size_t at) -> unsigned int {
        return at < bits ? (digest[at / 8] >> (7 - at % 8)) & 1U : 0U;
    };
    Text<Length> text;
    for (std::size_t i = 0; i < Length; ++i) {
        unsigned int six = 0;
        for (std::size_t j = 0; j < 6; ++j)
            six = six << 1 | bit(6 * i + j);
        text.characters[i] = kAlphabet[six];
    }
    return text;
}

std::string_view trimmed(std::string_view line) noexcept
{
    constexpr std::string_view kSpace = " \t\r";
    auto const first = std::min(line.find_first_not_of(kSpace), line.size());
    line.remove_prefix(first);
    return line.substr(0, line.find_last_not_of(kSpace) + 1);
}

bool is_printable(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

const char *fault_of(std::string_view secret) noexcept
{
    if (!is_printable(secret))
        return "has a secret with other characters than the printable ones of ASCII";
    return secret.size() < kShortestSecret ? "has a secret of less than 32 characters" : nullptr;
}

}  // namespace

Id Secret::id_of(std::string_view student) const noexcept { return base64url<22>(mac_.of(student), 128); }

Fingerprint Secret::fingerprint() const noexcept { return base64url<8>(mac_.of(kFingerprinted), 48); }

SecretLines parse_secrets(std::string_view file) noexcept
{
    SecretLines lines{};
    if (file.size() > kLargestFile) {
        lines.fault = "has more than 4096 bytes";
        return lines;
    }
    while (!file.empty() && lines.fault == nullptr) {
        auto const end = std::min(file.find('\n'), file.size());
        auto const secret = trimmed(file.substr(0, end));
        file.remove_prefix(std::min(end + 1, file.size()));
        if (secret.empty())
            continue;
        if (lines.count == lines.secrets.size()) {
            lines.fault = "has more than two secrets";
            break;
        }
        lines.fault = fault_of(secret);
        lines.secrets[lines.count++] = secret;
    }
    if (lines.fault == nullptr && lines.count == 0)
        lines.fault = "has no secret";
    if (lines.fault == nullptr && lines.count == 2 && lines.secrets[0] == lines.secrets[1])
        lines.fault = "has the same secret twice";
    return lines;
}

const char *exposure_of(unsigned int mode) noexcept
{
    constexpr unsigned int kOthersRead = 04, kOthersWrite = 02, kGroupWrites = 020;
    if (mode & kOthersRead)
        return "may be read by everybody on this machine";
    return mode & (kOthersWrite | kGroupWrites) ? "may be written by others than its owner" : nullptr;
}

}  // namespace wc::opaque
