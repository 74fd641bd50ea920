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
    // The Sentinels name a master near them.
    for (auto const &sentinel : address.sentinels)
        if (!is_loopback(sentinel.host))
            return sentence(sentinel.host);
    if (address.sentinels.empty() && !is_loopback(address.host))
        return sentence(address.host);
    return std::nullopt;
}

}  // namespace wc::redis
