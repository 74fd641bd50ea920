#include "pg/encryption.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "process/loopback.hpp"

namespace wc::pg {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string find(const PQconninfoOption *options, std::string_view keyword)
{
    for (; options != nullptr && options->keyword; ++options)
        if (keyword == options->keyword && options->val)
            return options->val;
    return {};
}

// The first of several hosts that is not this machine; empty if there is none.  A path or @name is a Unix socket, as is
// no host.
std::string find_distant(std::string_view hosts)
{
    while (!hosts.empty()) {
        auto const end = std::min(hosts.find(','), hosts.size());
        auto const host = hosts.substr(0, end);
        if (!host.empty() && !host.starts_with('/') && !host.starts_with('@') && !is_loopback(host))
            return std::string(host);
        hosts.remove_prefix(std::min(end + 1, hosts.size()));
    }
    return {};
}

}  // namespace

std::optional<std::string> describe_exposure(const Target &target)
{
    Options const given(PQconninfoParse(target.conninfo.c_str(), nullptr), PQconninfoFree);
    Options const defaults(PQconndefaults(), PQconninfoFree);
    auto const setting = [&](std::string_view keyword) {
        auto const value = find(given.get(), keyword);
        return value.empty() ? find(defaults.get(), keyword) : value;
    };
    auto const addresses = setting("hostaddr");
    auto const host = find_distant(addresses.empty() ? setting("host") : addresses);
    if (host.empty() || !find(given.get(), "service").empty() || setting("gssencmode") == "require")
        return std::nullopt;
    auto const mode = setting("sslmode");
    if (mode == "verify-full" || mode == "verify-ca")
        return std::nullopt;
    if (mode == "require")
        return "postgres.url: sslmode=require does not make sure that it is " + host +
               " who answers; sslmode=verify-full does";
    return "postgres.url: with sslmode=" + mode + " others may read what goes to " + host +
           "; sslmode=verify-full encrypts it, and makes sure who answers";
}

}  // namespace wc::pg
