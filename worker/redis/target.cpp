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

    target.sentinel = {redis.sentinel_user, redis.sentinel_password,
                       redis.sentinel_password.empty() ? redis.sentinel_password_file : std::string()};
    bool const has_login =
        !redis.sentinel_user.empty() || !redis.sentinel_password.empty() || !redis.sentinel_password_file.empty();
    if (has_login && target.address.sentinels.empty())
        throw std::invalid_argument(
            "redis.sentinel_user, redis.sentinel_password and redis.sentinel_password_file: need a redis.url that "
            "begins with redis+sentinel:// or rediss+sentinel://");

    // Refuse certificates without TLS: who names them expects an encrypted connection.
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
