#include "config/exposure.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <variant>

#include "config/setting.hpp"

namespace wc::config {
namespace {

bool is_password(const Setting &setting, const std::string &value) { return masked(setting, value) != value; }

bool holds_password(const Config &config)
{
    auto &values = const_cast<Config &>(config);
    for (auto const &setting : settings())
        if (auto const *where = std::get_if<Text>(&setting.where); where && is_password(setting, (*where)(values)))
            return true;
    return std::any_of(config.targets.begin(), config.targets.end(), [](auto &target) {
        return !target.redis.password.empty() || masked_url(target.redis.url) != target.redis.url;
    });
}

void check_permissions(const std::string &path, std::string_view holds, std::vector<std::string> &found)
{
    struct stat status {};
    if (path.empty() || stat(path.c_str(), &status) != 0 || !(status.st_mode & (S_IROTH | S_IWOTH)))
        return;
    bool const is_readable = status.st_mode & S_IROTH;
    found.push_back(path + " holds " + std::string(holds) + ", and everybody on this machine may " +
                    (is_readable ? "read" : "write") + " it: chmod o-rwx " + path);
}

}  // namespace

std::vector<std::string> exposed_secrets(const Config &config, const std::string &config_file)
{
    std::vector<std::string> found;
    // Parse the file anew: `config` may have its password from the environment.
    if (!config_file.empty() && holds_password(parse_file(config_file)))
        check_permissions(config_file, "a password", found);
    check_permissions(config.postgres.password_file, "the password of postgres.password_file", found);
    check_permissions(config.redis.password_file, "the password of redis.password_file", found);
    for (auto const &[name, redis] : config.targets) {
        check_permissions(redis.password_file, "the password of redis.target \"" + name + "\"", found);
        check_permissions(redis.tls_key_file, "the key of redis.target \"" + name + "\"", found);
    }
    check_permissions(config.redis.sentinel_password_file, "the password of redis.sentinel_password_file", found);
    check_permissions(config.http.token_file, "the token of http.token_file", found);
    check_permissions(config.webhook.secret_file, "the secret of webhook.secret_file", found);
    check_permissions(config.otlp.headers_file, "the headers of otlp.headers_file", found);
    check_permissions(config.redis.tls_key_file, "the key of redis.tls_key_file", found);
    return found;
}

std::vector<std::string> secrets_of(const Environment &environment)
{
    std::vector<std::string> names;
    for (auto const &setting : settings())
        if (!setting.environment.empty())
            if (auto const value = environment(setting.environment); value && is_password(setting, *value))
                names.emplace_back(setting.environment);
    return names;
}

}  // namespace wc::config
