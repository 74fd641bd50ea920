// Finds secrets that other users of this machine can read.
#pragma once
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/loader.hpp"

namespace wc::config {

/// Returns a sentence for each file with a secret that everybody may read or write, and what to do about it.  No
/// sentence contains a secret.  `config_file` may be empty.  Skips missing files: the code that needs them reports
/// them.
std::vector<std::string> exposed_secrets(const Config &config, const std::string &config_file);

/// Returns the names of the environment variables that hold a password.
std::vector<std::string> secrets_of(const Environment &environment);

}  // namespace wc::config
