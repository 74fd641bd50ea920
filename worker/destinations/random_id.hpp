// Random ids.
#pragma once
#include <cstddef>
#include <string>

namespace wc::destinations {

/// Two hexadecimal digits for each of `bytes` random bytes.
std::string random_id(std::size_t bytes);

}  // namespace wc::destinations
