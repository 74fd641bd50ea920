// Every setting there is: its name, where it lives in Config, what is allowed.  The loader, the
// environment, --check-config, the reload and the test of config/worker.toml all go through this table.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"

namespace wc::config {

/// Where a setting is kept.  A type for each type that TOML has and we use.
using Boolean = bool &(*)(Config &);
using Integer = std::int64_t &(*)(Config &);
using Real = double &(*)(Config &);
using Text = std::string &(*)(Config &);

struct Setting {
    /// `section.key` as in the file.
    std::string_view name;
    std::variant<Boolean, Integer, Real, Text> where;
    /// In words, for the message that refuses another value.
    std::string_view allowed;
    /// Bounds of numbers, both included.
    double least = 0, most = 0;
    /// For texts with a fixed choice: the words, separated by '|'.  Empty: any text.
    std::string_view choices = {};
    /// The environment variable that overrides the file, or empty.
    std::string_view environment = {};
    /// May change on SIGHUP; otherwise only with a restart.
    bool live = false;
    /// Holds a password, or a URL that may contain one: masked wherever it is shown.
    bool secret = false;
};

std::span<const Setting> settings() noexcept;

/// The setting of that `section.key`, or nullptr.
const Setting *find_setting(std::string_view name) noexcept;

/// Sets from text, as an environment variable gives it.  False: not allowed, and nothing has changed.
bool set_from_text(const Setting &setting, Config &config, std::string_view text);

/// Sets from a value of the right type.  False: not allowed, and nothing has changed.
bool set(const Setting &setting, Config &config, bool value);
bool set(const Setting &setting, Config &config, std::int64_t value);
bool set(const Setting &setting, Config &config, double value);
bool set(const Setting &setting, Config &config, std::string value);

/// The value as TOML writes it.  With mask, passwords become `***`; a URL keeps its host.
std::string show(const Setting &setting, const Config &config, bool mask);

/// `redis://user:secret@host` → `redis://user:***@host`; also `password=…` in connection strings and parameters.
std::string masked_url(std::string_view url);

}  // namespace wc::config
