#include "redis/refusal.hpp"

#include <algorithm>
#include <iterator>

namespace wc::redis {
namespace {

struct Advice {
    std::string_view sign;
    std::string_view text;
};

constexpr Advice kAdvice[] = {
    {"NOAUTH", "set redis.user and redis.password_file"},
    {"NOPERM", "the user needs the rights that config/users.acl gives to wc_worker"},
    // The words of Redis 8 and of Redis 7 for: a function called a command that its caller may not call.
    {"ACL failure in script", "the user needs the rights that config/users.acl gives to wc_worker"},
    {"The user executing the script", "the user needs the rights that config/users.acl gives to wc_worker"},
    {"READONLY", "redis.url must name the primary"},
};

// Codes with which an answer about the server begins, and words that such an answer contains further inside, as when an
// access list forbids a command inside a function.
constexpr std::string_view kServerCodes[] = {"NOAUTH", "NOPERM", "READONLY",   "LOADING",     "MISCONF",
                                             "OOM",    "BUSY",   "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS",
                                             "MOVED",  "ASK",    "TRYAGAIN"};
constexpr std::string_view kServerWords[] = {"ACL failure in script", "The user executing the script",
                                             "Function not found",    "unknown command",
                                             "unknown subcommand",    "-READONLY"};

// The word in capitals that an answer begins with.  A server may say anything, even the password that it was sent.
std::string code_of(std::string_view answer)
{
    constexpr std::size_t kLongest = 20;
    auto const code = answer.substr(0, answer.find(' '));
    bool const is_word =
        !code.empty() && code.size() <= kLongest && code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == code.npos;
    return is_word ? std::string(code) : "ERR";
}

// Redis repeats the arguments of an unknown command, and those of FCALL may hold health data.
std::string without_arguments(std::string_view answer)
{
    std::string text(answer.substr(0, answer.find(", with args beginning with")));
    if (text.ends_with('.'))
        text.pop_back();
    return text;
}

}  // namespace

bool refuses_everybody(std::string_view answer) noexcept
{
    auto const code = answer.substr(0, answer.find(' '));
    return std::find(std::begin(kServerCodes), std::end(kServerCodes), code) != std::end(kServerCodes) ||
           std::any_of(std::begin(kServerWords), std::end(kServerWords),
                       [&](auto words) { return answer.find(words) != std::string_view::npos; });
}

bool is_elsewhere(std::string_view answer) noexcept
{
    auto const code = answer.substr(0, answer.find(' '));
    return code == "MOVED" || code == "ASK" || code == "TRYAGAIN" ||
           answer.find("access a non local key") != std::string_view::npos;
}

std::string describe_refusal(std::string_view answer)
{
    auto text = without_arguments(answer);
    for (auto const &advice : kAdvice)
        if (text.find(advice.sign) != std::string::npos)
            return text + ": " + std::string(advice.text);
    return text;
}

std::string describe_missing_rules(const std::string &rules)
{
    return rules.empty() ? std::string() : "the user lacks " + rules + ", which config/users.acl gives to wc_worker";
}

std::string describe_refusal(std::string_view answer, const std::string &missing_rules)
{
    return missing_rules.empty() ? describe_refusal(answer)
                                 : without_arguments(answer) + ": " + describe_missing_rules(missing_rules);
}

std::string describe_login_refusal(std::string_view answer, std::string_view user)
{
    if (answer.starts_with("ERR AUTH <password> called without any password"))
        return "Redis has no password for the user default: set redis.user, or no password";
    auto const code = code_of(answer);
    if (user.empty())
        return "Redis refuses the password (" + code +
               "): set redis.password_file, and redis.user unless it is default";
    return "Redis refuses the user " + std::string(user) + " or its password (" + code +
           "): set redis.user and redis.password_file as ACL LIST shows them";
}

}  // namespace wc::redis
