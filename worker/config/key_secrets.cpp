#include "config/key_secrets.hpp"

#include <sys/stat.h>

#include "config/loader.hpp"

namespace wc::config {

std::vector<opaque::Secret> read_key_secrets(const std::string &path)
{
    auto const fail = [&](const char *fault) {
        throw ConfigError("redis.key_secret_file: " + path + " " + fault +
                          "; the file has one secret a line, at most two, each of 32 characters or more, as from "
                          "\"openssl rand -base64 32\"");
    };
    if (path.empty())
        throw ConfigError("redis.key_secret_file: redis.opaque_keys = true needs the path of a file with a secret");
    struct stat status {};
    if (stat(path.c_str(), &status) == 0) {
        if (!S_ISREG(status.st_mode))
            fail("is no regular file");
        if (auto const *const exposure = opaque::exposure_of(status.st_mode))
            fail(exposure);
    }
    auto const text = read_file(path, "redis.key_secret_file");
    auto const lines = opaque::parse_secrets(text);
    if (lines.fault)
        fail(lines.fault);
    std::vector<opaque::Secret> secrets;
    for (std::size_t i = 0; i < lines.count; ++i)
        secrets.emplace_back(lines.secrets[i]);
    return secrets;
}

}  // namespace wc::config
