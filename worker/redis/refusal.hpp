// Describes an error that Redis answered, for the log.
#pragma once
#include <string>
#include <string_view>

namespace wc::redis {

/// Returns the answer for a log: without the arguments that Redis repeats for an unknown command, and with advice where
/// the cause is known.
std::string describe_refusal(std::string_view answer);

/// Returns a sentence that names these rules; empty if there are none.
std::string describe_missing_rules(const std::string &rules);

/// Like describe_refusal, for a user who lacks these rules; empty: which ones is not known.
std::string describe_refusal(std::string_view answer, const std::string &missing_rules);

/// Whether the answer is about the server or about this user, so that Redis refuses every key alike.
bool refuses_everybody(std::string_view answer) noexcept;

/// Returns the answer to AUTH for a log.  It never contains the password.
std::string describe_login_refusal(std::string_view answer, std::string_view user);

/// Whether a node of a cluster refuses a command because its keys, or those of a function, are not all there.
bool is_elsewhere(std::string_view answer) noexcept;

}  // namespace wc::redis
