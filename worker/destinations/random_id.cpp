#include "destinations/random_id.hpp"

#include <openssl/rand.h>

#include <stdexcept>
#include <vector>

namespace wc::destinations {

std::string random_id(std::size_t bytes)
{
    constexpr char kDigits[] = "0123456789abcdef";
    std::vector<unsigned char> drawn(bytes);
    if (RAND_bytes(drawn.data(), static_cast<int>(bytes)) != 1)
        throw std::runtime_error("OpenSSL draws no random numbers");
    std::string out;
    for (auto const byte : drawn)
        out.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    return out;
}

}  // namespace wc::destinations
