#include "redis/address.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "core/text/number.hpp"
#include "core/text/unbroken.hpp"

namespace wc::redis {
namespace {

constexpr unsigned kPort = 6379, kSentinelPort = 26379;

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

void set_user_info(Address &address, std::string_view who)
{
    auto const colon = who.find(':');
    address.user = decoded(who.substr(0, colon));
    if (colon != std::string_view::npos)
        address.password = decoded(who.substr(colon + 1));
}

void set_database(Address &address, std::string_view text)
{
    auto const database = parse_number<int>(text);
    if (!database || *database < 0)
        throw std::invalid_argument("the database is a whole number, 0 or more");
    address.database = *database;
}

/// Parses what follows `unix://`.
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
    if (address.path.find('\0') != std::string::npos)
        throw std::invalid_argument("the path of the socket has a zero byte");
    rest.remove_prefix(query);
    if (rest.empty())
        return;
    rest.remove_prefix(1);
    if (!rest.starts_with(kDatabase))
        throw std::invalid_argument("after the path of the socket there can only be ?db= and a number");
    set_database(address, rest.substr(kDatabase.size()));
}

/// Parses `host[:port]`; what is missing keeps its default, and an empty text all of them.
Endpoint endpoint_of(std::string_view text, unsigned default_port)
{
    Endpoint endpoint;
    if (text.starts_with('[')) {
        auto const end = text.find(']');
        if (end == std::string_view::npos)
            throw std::invalid_argument("the ] of an IPv6 address is missing");
        endpoint.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
    } else {
        auto const colon = text.find(':');
        if (colon != 0 && !text.empty())
            endpoint.host = text.substr(0, colon);
        text.remove_prefix(std::min(colon, text.size()));
    }
    if (endpoint.host.empty() || !is_unbroken(endpoint.host) || endpoint.host.find_first_of("[]") != std::string::npos)
        throw std::invalid_argument("the host is a name or an address, without blanks");
    auto const port = text.empty()            ? default_port
                      : text.starts_with(':') ? parse_number<unsigned>(text.substr(1)).value_or(0)
                                              : 0;
    if (port == 0 || port > 65535)
        throw std::invalid_argument("the port is a number from 1 to 65535");
    endpoint.port = std::to_string(port);
    return endpoint;
}

/// Parses `host[:port][,host[:port]...]`.
std::vector<Endpoint> endpoints_of(std::string_view hosts, unsigned default_port, const std::string &what)
{
    std::vector<Endpoint> endpoints;
    for (;;) {
        auto const comma = std::min(hosts.find(','), hosts.size());
        if (comma == 0)
            throw std::invalid_argument("each " + what + " is host or host:port, and commas stand between them");
        endpoints.push_back(endpoint_of(hosts.substr(0, comma), default_port));
        if (comma == hosts.size())
            return endpoints;
        hosts.remove_prefix(comma + 1);
    }
}

/// Parses what follows the user in `redis+sentinel://`: `host[:port][,host[:port]...]/master[/database]`.
void set_sentinels(Address &address, std::string_view rest)
{
    auto const slash = std::min(rest.find('/'), rest.size());
    auto const hosts = rest.substr(0, slash);
    auto const path = rest.substr(std::min(slash + 1, rest.size()));
    auto const end = std::min(path.find('/'), path.size());
    address.master = decoded(path.substr(0, end));
    if (address.master.empty())
        throw std::invalid_argument("behind the Sentinels stands / and the name of the master that they watch");
    if (end + 1 < path.size())
        set_database(address, path.substr(end + 1));
    address.sentinels = endpoints_of(hosts, kSentinelPort, "Sentinel");
}

/// Parses what follows the user in `redis+cluster://`: `host[:port][,host[:port]...]`.
void set_nodes(Address &address, std::string_view rest)
{
    auto const slash = std::min(rest.find('/'), rest.size());
    if (auto const path = rest.substr(slash); !path.empty() && path != "/" && path != "/0")
        throw std::invalid_argument("a cluster has one database: nothing stands behind its nodes");
    address.nodes = endpoints_of(rest.substr(0, slash), kPort, "node");
}

struct Scheme {
    std::string_view text;
    bool tls, sentinel, cluster;
};
constexpr Scheme kSchemes[] = {{"redis://", false, false, false},         {"rediss://", true, false, false},
                               {"redis+sentinel://", false, true, false}, {"rediss+sentinel://", true, true, false},
                               {"redis+cluster://", false, false, true},  {"rediss+cluster://", true, false, true}};

}  // namespace

Address parse_address(const std::string &url, const std::string &password)
{
    constexpr std::string_view kUnix = "unix://";
    Address address;
    std::string_view rest = url;
    if (rest.starts_with(kUnix)) {
        set_socket(address, rest.substr(kUnix.size()));
        if (!password.empty())
            address.password = password;
        return address;
    }
    auto const scheme = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                     [rest](const Scheme &known) { return rest.starts_with(known.text); });
    if (scheme == std::end(kSchemes))
        throw std::invalid_argument(
            "the URL begins with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, "
            "rediss+cluster:// or unix://");
    address.tls = scheme->tls;
    rest.remove_prefix(scheme->text.size());
    rest = rest.substr(0, rest.find('?'));
    // The last @ ends the user information, because a password may contain an @ that nobody encoded.
    if (auto const at = rest.rfind('@'); at != std::string_view::npos) {
        set_user_info(address, rest.substr(0, at));
        rest.remove_prefix(at + 1);
    }
    if (!password.empty())
        address.password = password;
    if (scheme->sentinel) {
        set_sentinels(address, rest);
        return address;
    }
    if (scheme->cluster) {
        set_nodes(address, rest);
        return address;
    }
    if (auto const slash = rest.find('/'); slash != std::string_view::npos) {
        if (auto const database = rest.substr(slash + 1); !database.empty())
            set_database(address, database);
        rest = rest.substr(0, slash);
    }
    static_cast<Endpoint &>(address) = endpoint_of(rest, kPort);
    return address;
}

std::string describe(const Endpoint &endpoint)
{
    bool const is_ipv6 = endpoint.host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + endpoint.port;
}

std::string describe(const Address &address)
{
    auto const database = "/" + std::to_string(address.database);
    if (!address.path.empty())
        return address.path + database;
    auto const joined = [](const std::vector<Endpoint> &endpoints) {
        std::string text;
        for (auto const &endpoint : endpoints)
            text += (text.empty() ? "" : ",") + describe(endpoint);
        return text;
    };
    if (!address.nodes.empty())
        return joined(address.nodes);
    if (address.sentinels.empty())
        return describe(static_cast<const Endpoint &>(address)) + database;
    return joined(address.sentinels) + "/" + address.master + database;
}

}  // namespace wc::redis
