#include "redis/refusal.hpp"

namespace wc::redis {
namespace {

struct Advice {
    std::string_view sign;
    std::string_view text;
};

constexpr Advice kAdvice[] = {
    {"NOAUTH", "set redis.user and redis.password_file"},
    {"NOPERM", "the user needs the rights that config/users.acl gives to wc_worker"},
    // How Redis 8 and 7 say that a command within a function was not allowed.
    {"ACL failure in script", "the user needs the rights that config/users.acl gives to wc_worker"},
    {"The user executing the script", "the user needs the rights that config/users.acl gives to wc_worker"},
    {"READONLY", "redis.url must name the primary"},
};

}  // namespace

std::string describe_refusal(std::string_view answer)
{
    // Health data, perhaps: FCALL has values for arguments.
    std::string text(answer.substr(0, answer.find(", with args beginning with")));
    if (text.ends_with('.'))
        text.pop_back();
    for (auto const &advice : kAdvice)
        if (text.find(advice.sign) != std::string::npos)
            return text + ": " + std::string(advice.text);
    return text;
}

std::string describe_login_refusal(std::string_view answer, std::string_view user)
{
    if (answer.starts_with("ERR AUTH <password> called without any password"))
        return "Redis has no password for the user default: set redis.user, or no password";
    std::string const code(answer.substr(0, answer.find(' ')));
    if (user.empty())
        return "Redis refuses the password (" + code +
               "): set redis.password_file, and redis.user unless it is default";
    return "Redis refuses the user " + std::string(user) + " or its password (" + code +
           "): set redis.user and redis.password_file as ACL LIST shows them";
}

}  // namespace wc::redis
