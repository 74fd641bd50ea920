#include <libpq-fe.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "config/datagram_address.hpp"
#include "config/header_list.hpp"
#include "config/sentry_dsn.hpp"
#include "config/setting.hpp"
#include "config/webhook_key.hpp"
#include "core/text/unbroken.hpp"
#include "pg/target.hpp"
#include "redis/address.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

constexpr std::string_view kPassword = "correct-horse-battery";

void require_endpoint(const redis::Endpoint &endpoint)
{
    require(!endpoint.host.empty() && is_unbroken(endpoint.host));
    auto const port = std::stoi(endpoint.port);
    require(port >= 1 && port <= 65535 && std::to_string(port) == endpoint.port);
}

// An address that is shown is one that can be given again, but for the login.
void check_shown(const redis::Address &address, const std::string &shown)
{
    auto const again = redis::parse_address(shown);
    require(again.host == address.host && again.port == address.port && again.database == address.database);
    require(again.sentinels == address.sentinels && again.nodes == address.nodes);
    require(again.user.empty() && again.password.empty());
}

std::optional<redis::Address> address_of(std::string_view text)
{
    try {
        return redis::parse_address(std::string(text), std::string(kPassword));
    } catch (const std::invalid_argument &error) {
        // A sentence of ours, and nothing of the text.
        require(std::string_view(error.what()).size() < 200 && !is_unbroken(error.what()));
        return std::nullopt;
    }
}

void check_redis(std::string_view text)
{
    auto const address = address_of(text);
    if (!address)
        return;
    auto const shown = redis::describe(*address);
    require(address->password == kPassword);
    // Unless the text says it anyway, as in the name of the host.
    require(text.find(kPassword) != std::string_view::npos || shown.find(kPassword) == std::string::npos);
    require(address->database >= 0);
    if (!address->path.empty()) {
        require(address->path.front() == '/' && address->path.find('\0') == std::string::npos);
        return;
    }
    for (auto const *const endpoints : {&address->sentinels, &address->nodes})
        for (auto const &endpoint : *endpoints)
            require_endpoint(endpoint);
    require(address->sentinels.empty() || (!address->master.empty() && address->nodes.empty()));
    if (!address->nodes.empty()) {
        require(address->database == 0);
        check_shown(*address, "redis+cluster://" + shown);
    } else if (address->sentinels.empty()) {
        require_endpoint(*address);
        check_shown(*address, (address->tls ? "rediss://" : "redis://") + shown);
    } else if (address->master.find_first_of("%/?@") == std::string::npos) {
        check_shown(*address, "redis+sentinel://" + shown);
    }
}

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string values_of(const std::string &conninfo)
{
    Options const options(PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree);
    std::string text;
    for (auto const *option = options.get(); option && option->keyword; ++option)
        if (option->val)
            text.append(option->keyword).append("=").append(option->val).append("\n");
    return text;
}

std::optional<pg::Target> target_of(const std::string &url)
{
    try {
        return pg::parse_target(url);
    } catch (const std::invalid_argument &error) {
        require(std::string_view(error.what()) == "not a URL or connection string that libpq understands");
        return std::nullopt;
    }
}

void check_postgres(const std::string &url)
{
    bool const has_zero = url.find('\0') != std::string::npos;
    auto const target = target_of(url);
    require(target ? !has_zero : has_zero || values_of(url).empty());
    if (!target)
        return;
    auto const again = target_of(target->conninfo);
    require(again && again->conninfo == target->conninfo && again->ignored.empty());
    for (auto const &name : target->ignored)
        require(is_unbroken(name));
    // What libpq takes as it is means the same to us.
    if (auto const values = values_of(url); !values.empty())
        require(values_of(target->conninfo) == values && target->ignored.empty());
}

// Where the rest of a URL is masked, no part of a password is left.
void check_masks(std::string_view password)
{
    auto const hides = [](const std::string &before, const std::string &said, const std::string &after) {
        require(config::masked_url(before + said + after) == before + "***" + after);
    };
    if (password.empty() || password.find('\0') != std::string_view::npos)
        return;
    std::string escaped;
    for (char const c : password)
        escaped.append(c == '\'' || c == '\\' || c == ' ' || c == '&' || (c >= '\t' && c <= '\r') ? "\\" : "") += c;
    hides("host=h password=", "'" + escaped + "'", " dbname=d");
    hides("host=h sslpassword = ", escaped, " dbname=d");
    hides("redis://user:", std::string(password), "@host");
}

std::string without_brackets(std::string_view text)
{
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) { return c != '[' && c != ']'; });
    return out;
}

void check_datagram(std::string_view text)
{
    auto const address = config::parse_datagram_address(text);
    if (!address)
        return;
    require(address->path.empty() != address->host.empty() && address->path.find('\0') == std::string::npos);
    if (!address->path.empty()) {
        require(text == "unix://" + address->path);
        return;
    }
    require(is_unbroken(address->host) && is_unbroken(address->port));
    // Nothing of the text was left out.
    auto const url = "udp://" + address->host + ":" + address->port, given = without_brackets(text);
    require(url == given || url == given + ":8125");
}

void check_destinations(std::string_view text)
{
    check_datagram(text);
    if (auto const dsn = config::parse_sentry_dsn(text))
        require(is_unbroken(dsn->url) && is_unbroken(dsn->key) && dsn->url[dsn->url.find("://") + 3] != '/');
    if (auto const lines = config::header_lines(text)) {
        for (auto const &line : *lines) {
            auto const colon = line.find(": ");
            require(colon != std::string::npos && colon > 0 && is_unbroken(line.substr(0, colon)));
            auto const value = line.substr(colon + 2);
            require(value.find_first_not_of(' ') != std::string::npos &&
                    value.find_first_of("\r\n\0", 0, 3) == std::string::npos);
        }
    }
    if (auto const key = config::webhook_key(text))
        require(config::webhook_key("whsec_" + to_base64(*key)) == key);
    require(from_base64(to_base64(text)) == text);
    require(config::origin_of(text).size() <= text.size() + 3);
}

}  // namespace

void check_address(std::string_view text)
{
    check_redis(text);
    check_postgres(std::string(text));
    check_masks(text);
    check_destinations(text);
}

}  // namespace wc::fuzz
