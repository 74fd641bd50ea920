// From a TOML file and the environment to a Config.
#pragma once
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace wc::config {

/// The exit status for a configuration that cannot be used (EX_CONFIG of sysexits.h).
inline constexpr int kExitStatus = 78;

/// One line that names file, line, key and what is allowed, as in
/// `worker.toml:12: postgres.pool_min: a whole number from 1 to 100`.
class ConfigError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The environment of this process.
std::optional<std::string> process_environment(std::string_view name);

/// Reads TOML text.  `file` is its name in messages.  Throws ConfigError.
Config parse(std::string_view toml, std::string_view file);

/// Lets the environment override; an empty variable counts as not set.  Throws ConfigError.
void apply_environment(Config &config, const Environment &environment);

/// What can only be judged when all is read: pairs that must agree, password files.  Throws ConfigError.
void complete(Config &config);

/// A password file without the line ends at its end.  Throws ConfigError.
std::string read_password(const std::string &path);

/// All of it.  An empty path means no file: the defaults and the environment.
Config load(const std::string &path, const Environment &environment);

/// What is in force, as a TOML file with one key a line, passwords masked.
std::string describe(const Config &config);

/// For SIGHUP: takes from `wanted` what may change while running, and returns the names of the settings
/// that differ but need a restart.
std::vector<std::string_view> reload(Config &running, const Config &wanted);

}  // namespace wc::config
