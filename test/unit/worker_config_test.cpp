#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "config/loader.hpp"
#include "config/setting.hpp"

namespace wc {
namespace {

using config::Config;
using config::ConfigError;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

config::Environment environment(std::map<std::string, std::string> variables)
{
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        auto const found = variables.find(std::string(name));
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

std::string refusal(const std::string &toml)
{
    try {
        auto config = config::parse(toml, "w.toml");
        config::complete(config);
    } catch (const ConfigError &error) {
        return error.what();
    }
    return "accepted";
}

std::string environment_refusal(const std::string &name, const std::string &value)
{
    try {
        Config config;
        config::apply_environment(config, environment({{name, value}}));
    } catch (const ConfigError &error) {
        return error.what();
    }
    return "accepted";
}

TEST(ConfigFile, ShowsEverySettingWithItsDefault)
{
    // The tests run in the folder of the project.
    std::ifstream in("config/worker.toml");
    ASSERT_TRUE(in) << "config/worker.toml";
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_EQ(config::describe(config::parse(text.str(), "config/worker.toml")), config::describe({}));

    // Each key of the code stands in the file, and with the code's default.
    std::istringstream lines(text.str());
    std::string line, section;
    std::map<std::string, std::string> shown;
    while (std::getline(lines, line)) {
        if (line.starts_with('['))
            section = line.substr(1, line.find(']') - 1);
        else if (auto const equal = line.find(" = "); equal != std::string::npos && !line.starts_with('#'))
            shown[section + "." + line.substr(0, equal)] = line.substr(equal + 3);
    }
    std::map<std::string, std::string> known;
    for (auto const &setting : config::settings())
        known[std::string(setting.name)] = config::show(setting, {}, false);
    EXPECT_EQ(shown, known);
    for (auto const &setting : config::settings()) {
        if (!setting.environment.empty()) {
            EXPECT_THAT(text.str(), HasSubstr(std::string(setting.environment)));
        }
    }
}

TEST(ConfigFile, ErrorsNameFileLineKeyAndWhatIsAllowed)
{
    EXPECT_EQ(refusal("[postgres]\n\npool_min = 0\n"), "w.toml:3: postgres.pool_min: a whole number from 1 to 100");
    EXPECT_EQ(refusal("[postgres]\npool_min = \"2\"\n"), "w.toml:2: postgres.pool_min: a whole number from 1 to 100");
    EXPECT_EQ(refusal("[redis]\nenabled = 1\n"), "w.toml:2: redis.enabled: true or false");
    EXPECT_EQ(refusal("[log]\nlevel = \"loud\"\n"), "w.toml:2: log.level: debug, info, warning or error");
    EXPECT_EQ(refusal("[log]\nlevel = [\"info\"]\n"), "w.toml:2: log.level: debug, info, warning or error");
    EXPECT_EQ(refusal("[prewarm]\nmin_weight = 0.0\n"), "w.toml:2: prewarm.min_weight: a number from 0.01 to 1000");
    EXPECT_THAT(refusal("[http]\nprot = 1\n"),
                HasSubstr("w.toml:2: http.prot: no such key; [http] has enabled, address, port"));
    EXPECT_THAT(refusal("x = 1\n"), HasSubstr("w.toml:1: x: no such section; there are [worker], [postgres]"));
    EXPECT_THAT(refusal("[http\n"), HasSubstr("w.toml:1: "));
    EXPECT_THAT(refusal("[postgres]\npool_min = 5\npool_max = 4\n"), HasSubstr("postgres.pool_max"));
    EXPECT_EQ(refusal("[prewarm]\nmin_weight = 2\n"), "accepted") << "a whole number is a number";
}

TEST(ConfigEnvironment, OverridesTheFile)
{
    auto config = config::parse("[postgres]\npool_min = 3\n[redis]\nenabled = true\n", "w.toml");
    config::apply_environment(config, environment({{"DATABASE_URL", "postgresql://u@h/d"},
                                                   {"DB_POOL_MIN", "4"},
                                                   {"DB_POOL_MAX", "20"},
                                                   {"DB_CONNECTION_TIMEOUT", "2500"},
                                                   {"REDIS_URL", "redis://r:1"},
                                                   {"REDIS_PASSWORD", "p"},
                                                   {"REDIS_TTL", "60"},
                                                   {"ENABLE_REDIS_CACHE", "false"}}));
    EXPECT_EQ(config.postgres.url, "postgresql://u@h/d");
    EXPECT_EQ(config.postgres.pool_min, 4);
    EXPECT_EQ(config.postgres.pool_max, 20);
    EXPECT_EQ(config.postgres.connection_timeout_ms, 2500);
    EXPECT_EQ(config.redis.url, "redis://r:1");
    EXPECT_EQ(config.redis.password, "p");
    EXPECT_EQ(config.prewarm.summary_ttl_s, 60);
    EXPECT_FALSE(config.redis.enabled);
}

TEST(ConfigEnvironment, RefusesWhatTheFileWouldRefuse)
{
    EXPECT_EQ(environment_refusal("DB_POOL_MIN", "0"), "environment: DB_POOL_MIN: a whole number from 1 to 100");
    EXPECT_EQ(environment_refusal("DB_POOL_MAX", "ten"), "environment: DB_POOL_MAX: a whole number from 1 to 100");
    EXPECT_EQ(environment_refusal("REDIS_TTL", "300s"),
              "environment: REDIS_TTL: a whole number from 1 to 86400 (seconds)");
    EXPECT_EQ(environment_refusal("ENABLE_REDIS_CACHE", "maybe"), "environment: ENABLE_REDIS_CACHE: true or false");
    EXPECT_EQ(environment_refusal("ENABLE_REDIS_CACHE", "1"), "accepted");
    EXPECT_EQ(environment_refusal("DB_POOL_MIN", ""), "accepted") << "an empty variable counts as not set";
}

TEST(ConfigSecrets, AreNeverShown)
{
    Config config;
    config.redis.password = "hush1";
    config.postgres.password = "hush2";
    config.redis.url = "redis://user:hush3@host:6379/1";
    config.postgres.url = "postgresql://u:hush4@host/db?sslpassword=hush5&x=1";
    auto const text = config::describe(config);
    EXPECT_THAT(text, Not(HasSubstr("hush")));
    EXPECT_THAT(text, HasSubstr("redis://user:***@host:6379/1"));
    EXPECT_THAT(text, HasSubstr("postgresql://u:***@host/db?sslpassword=***&x=1"));
    EXPECT_EQ(config::masked_url("host=h password='a \\' b' user=u"), "host=h password=*** user=u");
    EXPECT_EQ(config::masked_url("redis://:p@ss@host"), "redis://:***@host");
}

TEST(ConfigReload, TakesWhatMayChangeAndNamesTheRest)
{
    Config running, wanted;
    wanted.queue.batch_students = 7;
    wanted.log.level = "debug";
    wanted.http.port = 1;
    wanted.redis.url = "redis://elsewhere";
    EXPECT_THAT(config::reload(running, wanted), ElementsAre("redis.url", "http.port"));
    EXPECT_EQ(running.queue.batch_students, 7);
    EXPECT_EQ(running.log.level, "debug");
    EXPECT_EQ(running.http.port, 9618);
    EXPECT_EQ(running.redis.url, "redis://127.0.0.1:6379");
}

TEST(ConfigPasswords, ComeFromFiles)
{
    auto const path = testing::TempDir() + "wc-password";
    std::ofstream(path) << "in a file\n";
    Config config;
    config.redis.password_file = config.postgres.password_file = path;
    config::complete(config);
    EXPECT_EQ(config.postgres.password, "in a file");
    EXPECT_EQ(config::read_password(path), "in a file") << "Redis' password is read at each connection";
    std::remove(path.c_str());
    Config missing;
    missing.redis.password_file = path;
    EXPECT_THROW(config::complete(missing), ConfigError);
}

}  // namespace
}  // namespace wc
