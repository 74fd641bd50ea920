// Variables of the performance guide that other settings of this worker replace.
#pragma once
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/loader.hpp"

namespace wc::config {

/// Returns a sentence for each such variable that is set, which names its replacement.  Throws ConfigError if a
/// variable promises a protection that the configuration does not give.
std::vector<std::string> replaced_variables(const Config &config, const Environment &environment);

}  // namespace wc::config
