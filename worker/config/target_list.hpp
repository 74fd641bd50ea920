// The list [[redis.target]]: several Redis that one worker keeps fresh.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/setting.hpp"

namespace wc::config {

/// The keys of a [[redis.target]] beside `name`, each a setting of [redis].
bool is_key_of_target(std::string_view key) noexcept;
/// The same with `name`, for people.
std::string keys_of_target();

/// Throws ConfigError where names or addresses do not do, or a setting excludes others.
void check_targets(const Config &config);

/// As TOML.  With `mask`, without passwords.
std::string describe_targets(const Config &config, bool mask);

}  // namespace wc::config
