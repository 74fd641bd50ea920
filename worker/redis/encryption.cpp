#include "redis/encryption.hpp"

#include "process/loopback.hpp"

namespace wc::redis {
namespace {

std::string sentence(const std::string &host)
{
    return "redis.url: others may read the password and the values that go to " + host +
           "; a URL that begins with rediss encrypts them";
}

}  // namespace

std::optional<std::string> describe_exposure(const Address &address)
{
    if (address.tls || !address.path.empty())
        return std::nullopt;
    // Sentinels and nodes name others, which are near them.
    for (auto const *const endpoints : {&address.sentinels, &address.nodes})
        for (auto const &endpoint : *endpoints)
            if (!is_loopback(endpoint.host))
                return sentence(endpoint.host);
    bool const is_alone = address.sentinels.empty() && address.nodes.empty();
    return is_alone && !is_loopback(address.host) ? std::optional(sentence(address.host)) : std::nullopt;
}

}  // namespace wc::redis
