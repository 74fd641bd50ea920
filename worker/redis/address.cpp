#include "redis/address.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

namespace wc::redis {
namespace {

std::string decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        auto const digits = text.substr(i + 1, 2);
        auto const parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() != 2 || parsed.ptr != digits.data() + 2)
            throw std::invalid_argument("a % is not followed by two hexadecimal digits");
        out += static_cast<char>(code);
        i += 2;
    }
    return out;
}

template <class Number>
bool parse(std::string_view text, Number &value)
{
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

void set_user_info(Address &address, std::string_view who)
{
    auto const colon = who.find(':');
    address.user = decoded(who.substr(0, colon));
    if (colon != std::string_view::npos)
        address.password = decoded(who.substr(colon + 1));
}

void set_database(Address &address, std::string_view text)
{
    if (!parse(text, address.database) || address.database < 0)
        throw std::invalid_argument("the database is a whole number, 0 or more");
}

/// What follows `unix://`.
void set_socket(Address &address, std::string_view rest)
{
    constexpr std::string_view kDatabase = "db=";
    if (!rest.starts_with('/')) {
        auto const at = rest.find("@/");
        if (at == std::string_view::npos)
            throw std::invalid_argument("the path of the socket begins with /");
        set_user_info(address, rest.substr(0, at));
        rest.remove_prefix(at + 1);
    }
    auto const query = std::min(rest.find('?'), rest.size());
    address.path = decoded(rest.substr(0, query));
    rest.remove_prefix(query);
    if (rest.empty())
        return;
    rest.remove_prefix(1);
    if (!rest.starts_with(kDatabase))
        throw std::invalid_argument("after the path of the socket there can only be ?db= and a number");
    set_database(address, rest.substr(kDatabase.size()));
}

}  // namespace

Address parse_address(const std::string &url, const std::string &password)
{
    constexpr std::string_view kTcp = "redis://", kTls = "rediss://", kUnix = "unix://";
    Address address;
    std::string_view rest = url;
    if (rest.starts_with(kUnix)) {
        set_socket(address, rest.substr(kUnix.size()));
        if (!password.empty())
            address.password = password;
        return address;
    }
    address.tls = rest.starts_with(kTls);
    if (!address.tls && !rest.starts_with(kTcp))
        throw std::invalid_argument("the URL begins with redis://, rediss:// or unix://");
    rest.remove_prefix(address.tls ? kTls.size() : kTcp.size());
    rest = rest.substr(0, rest.find('?'));
    // The last @: a password may hold one that nobody encoded.
    if (auto const at = rest.rfind('@'); at != std::string_view::npos) {
        set_user_info(address, rest.substr(0, at));
        rest.remove_prefix(at + 1);
    }
    if (!password.empty())
        address.password = password;
    if (auto const slash = rest.find('/'); slash != std::string_view::npos) {
        if (auto const database = rest.substr(slash + 1); !database.empty())
            set_database(address, database);
        rest = rest.substr(0, slash);
    }
    if (rest.starts_with('[')) {
        auto const end = rest.find(']');
        if (end == std::string_view::npos)
            throw std::invalid_argument("the ] of an IPv6 address is missing");
        address.host = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
    } else {
        auto const colon = rest.find(':');
        if (colon != 0 && !rest.empty())
            address.host = rest.substr(0, colon);
        rest.remove_prefix(std::min(colon, rest.size()));
    }
    unsigned port = 6379;
    if (!rest.empty() && (!rest.starts_with(':') || !parse(rest.substr(1), port) || port == 0 || port > 65535))
        throw std::invalid_argument("the port is a number from 1 to 65535");
    address.port = std::to_string(port);
    return address;
}

}  // namespace wc::redis
