// The rights that a user of Redis lacks for what the worker does there, as rules of an access list.
//
// The worker's user may not ask Redis for its own rights.  So each command is tried in a form that changes nothing:
// Redis looks at rights before it looks at anything else that a command says.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol/key.hpp"

namespace wc::redis {

class Connection;

/// What the worker uses of a Redis under its settings.
struct Uses {
    bool in_cluster = false;
    bool has_opaque_keys = false;
    cache::KeyForm form = cache::KeyForm::Plain;
    std::string stream{};  ///< of events; empty: none
    int database = 0;
};

/// The keys of a command.
enum class Space { None, Students, Shared, Stream };

/// A command that changes nothing, and the rule that allows it.
struct Trial {
    std::string rule;
    Space space;
    std::vector<std::string> words;
};

enum class Verdict { Granted, CommandRefused, KeyRefused };

/// In the order of config/users.acl.
std::vector<Trial> trials_of(const Uses &uses);

/// Returns what is missing as one writes it into users.acl, in its order: `+get`, `~student:*`, and
/// `(+set ~student:*)` where the user has both, but not both together.  REQUIRES: a verdict for each trial.
std::vector<std::string> missing_rules(std::span<const Trial> trials, std::span<const Verdict> verdicts,
                                       const std::string &stream);

/// Tries them.  Throws IoError.  REQUIRES: every reply was read.
std::vector<std::string> missing_rules(Connection &connection, const Uses &uses);

/// Returns them with spaces between.
std::string join(const std::vector<std::string> &rules);

/// Whether Redis refused a command, or one inside a function, because the user lacks a right.
bool is_missing_right(std::string_view answer) noexcept;

}  // namespace wc::redis
