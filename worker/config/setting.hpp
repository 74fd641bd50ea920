// The table of all settings: name, member of Config, allowed values.  The loader, the environment, --check-config, the
// reload and the test of config/worker.toml use it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"

namespace wc::config {

/// Functions that return the member of Config in which a setting is kept, one type for each type of TOML in use.
using Boolean = bool &(*)(Config &);
using Integer = std::int64_t &(*)(Config &);
using Real = double &(*)(Config &);
using Text = std::string &(*)(Config &);

struct Setting {
    /// `section.key` as in the file.
    std::string_view name;
    std::variant<Boolean, Integer, Real, Text> where;
    /// What is allowed, in words, for the message that refuses another value.
    std::string_view allowed;
    /// Bounds of numbers, both included.
    double least = 0, most = 0;
    /// For texts with a fixed choice: the words, separated by '|'.  Empty: any text.
    std::string_view choices = {};
    /// The environment variable that overrides the file, or empty.
    std::string_view environment = {};
    /// Whether SIGHUP changes it; otherwise it changes only with a restart.
    bool live = false;
    /// Whether it holds a password, or a URL that may contain one: it is masked wherever it is shown.
    bool secret = false;
    /// Of a URL: whether all but its host is masked, since tokens stand in its path as well.
    bool hidden = false;
};

std::span<const Setting> settings() noexcept;

/// The setting of that `section.key`, or nullptr.
const Setting *find_setting(std::string_view name) noexcept;

/// Sets from the text of an environment variable.  Returns false, and changes nothing, if the value is not allowed.
bool set_from_text(const Setting &setting, Config &config, std::string_view text);

/// Sets from a value of TOML.  Returns false, and changes nothing, if its type or the value is not allowed.
bool set(const Setting &setting, Config &config, bool value);
bool set(const Setting &setting, Config &config, std::int64_t value);
bool set(const Setting &setting, Config &config, double value);
bool set(const Setting &setting, Config &config, std::string value);

/// Returns the value as TOML writes it.  With `mask`, a password becomes `***`, and a URL keeps all but its password.
std::string show(const Setting &setting, const Config &config, bool mask);

/// Returns the part of that setting's value that may be shown.
std::string masked(const Setting &setting, std::string_view value);

/// Returns scheme, host and port of a URL, which contain no secret: `https://u:p@host:1/token` → `https://host:1`.
std::string origin_of(std::string_view url);

/// Masks passwords: `redis://user:secret@host` → `redis://user:***@host`; also `password=…` in connection strings and
/// parameters.
std::string masked_url(std::string_view url);

}  // namespace wc::config
