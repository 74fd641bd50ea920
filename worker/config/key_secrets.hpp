// The file of redis.key_secret_file.
#pragma once
#include <string>
#include <vector>

#include "core/opaque/key_secrets.hpp"

namespace wc::config {

/// Returns one or two secrets.  Throws ConfigError if the file cannot be read, if it is no file of secrets, or if more
/// people may read or write it than should.  The error shows nothing of the secrets.
std::vector<opaque::Secret> read_key_secrets(const std::string &path);

}  // namespace wc::config
