#include "redis/target.hpp"

#include <stdexcept>

namespace wc::redis {

Target parse_target(const config::Redis &redis)
{
    Target target;
    try {
        target.address = parse_address(redis.url, redis.password);
    } catch (const std::invalid_argument &error) {
        throw std::invalid_argument(std::string("redis.url: ") + error.what());
    }
    if (!redis.user.empty())
        target.address.user = redis.user;
    if (redis.password.empty())
        target.password_file = redis.password_file;
    target.timeout = std::chrono::milliseconds(redis.timeout_ms);
    target.tls = {redis.tls_ca_file, redis.tls_cert_file, redis.tls_key_file};

    // Whoever names certificates believes the way to be encrypted.
    auto const refuse_without_tls = [&](const char *key, const std::string &file) {
        if (!file.empty() && !target.address.tls)
            throw std::invalid_argument(std::string(key) + ": needs a redis.url that begins with rediss://");
    };
    refuse_without_tls("redis.tls_ca_file", redis.tls_ca_file);
    refuse_without_tls("redis.tls_cert_file", redis.tls_cert_file);
    refuse_without_tls("redis.tls_key_file", redis.tls_key_file);
    if (redis.tls_cert_file.empty() != redis.tls_key_file.empty())
        throw std::invalid_argument(redis.tls_cert_file.empty()
                                        ? "redis.tls_cert_file: is missing, though there is a redis.tls_key_file"
                                        : "redis.tls_key_file: is missing, though there is a redis.tls_cert_file");
    return target;
}

}  // namespace wc::redis
