// What Redis answered instead of doing what it was told.
#pragma once
#include <string>
#include <string_view>

namespace wc::redis {

/// The answer, fit for a log: without the arguments that an unknown command is answered with, and with what to do where
/// there is something.
std::string describe_refusal(std::string_view answer);

/// The answer to AUTH: never with what was sent.
std::string describe_login_refusal(std::string_view answer, std::string_view user);

}  // namespace wc::redis
