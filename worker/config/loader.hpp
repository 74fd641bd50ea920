// Reads a Config from a TOML file and the environment.
#pragma once
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace wc::config {

/// The exit status for an invalid configuration (EX_CONFIG of sysexits.h).
inline constexpr int kExitStatus = 78;

/// Its text is one line that names the file, the line, the key and what is allowed, as in
/// `worker.toml:12: postgres.pool_min: a whole number from 1 to 100`.
class ConfigError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// Returns a variable of this process's environment, or nothing.
std::optional<std::string> process_environment(std::string_view name);

/// Parses TOML text.  `file` is its name in messages.  Throws ConfigError.
Config parse(std::string_view toml, std::string_view file);

/// Reads and parses a TOML file.  Throws ConfigError.
Config parse_file(const std::string &path);

/// Lets the environment override; an empty variable counts as not set.  Throws ConfigError.
void apply_environment(Config &config, const Environment &environment);

/// Checks settings that depend on each other, and reads PostgreSQL's password file.  Throws ConfigError.
/// REQUIRES: the file and the environment are applied.
void complete(Config &config);

/// Returns the contents of a file; `purpose` is what the file is, for the error.  Throws ConfigError.
std::string read_file(const std::string &path, std::string_view purpose);

/// Returns the contents of a password file without line ends at its end.  Throws ConfigError.
std::string read_password(const std::string &path);

/// Reads the file, then applies the environment, then completes.  An empty path means no file.  Throws ConfigError.
Config load(const std::string &path, const Environment &environment);

/// Returns the settings as a TOML file with one key in each line and with passwords masked.
std::string describe(const Config &config);

/// For SIGHUP: copies from `wanted` the settings that may change while the worker runs, and returns the names of the
/// others that differ: they need a restart.
std::vector<std::string_view> reload(Config &running, const Config &wanted);

}  // namespace wc::config
