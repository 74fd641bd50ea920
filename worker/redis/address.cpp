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

}  // namespace

Address parse_address(const std::string &url, const std::string &password)
{
    constexpr std::string_view kTcp = "redis://", kUnix = "unix://";
    Address address;
    std::string_view rest = url;
    if (rest.starts_with(kUnix)) {
        address.path = decoded(rest.substr(kUnix.size()));
        address.password = password;
        if (address.path.empty())
            throw std::invalid_argument("the path of the socket is missing");
        return address;
    }
    if (!rest.starts_with(kTcp))
        throw std::invalid_argument("the URL begins with redis:// or unix://");
    rest.remove_prefix(kTcp.size());
    rest = rest.substr(0, rest.find('?'));
    // The last @: a password may hold one that nobody encoded.
    if (auto const at = rest.rfind('@'); at != std::string_view::npos) {
        auto const who = rest.substr(0, at);
        auto const colon = who.find(':');
        address.user = decoded(who.substr(0, colon));
        if (colon != std::string_view::npos)
            address.password = decoded(who.substr(colon + 1));
        rest.remove_prefix(at + 1);
    }
    if (!password.empty())
        address.password = password;
    if (auto const slash = rest.find('/'); slash != std::string_view::npos) {
        auto const database = rest.substr(slash + 1);
        if (!database.empty() && (!parse(database, address.database) || address.database < 0))
            throw std::invalid_argument("the database after the / is a number");
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
