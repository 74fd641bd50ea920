// What keys call the students, by a file of secrets.
#include "redis/key_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "config/loader.hpp"
#include "redis/error.hpp"
#include "redis/student_key.hpp"

namespace wc::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::string kFirst = "0123456789abcdef0123456789abcdef", kSecond = "fedcba9876543210fedcba9876543210";

struct KeyNamesTest : testing::Test {
    std::string path = testing::TempDir() + "key_names_" + std::to_string(getpid());
    config::Config config;

    KeyNamesTest()
    {
        config.redis.opaque_keys = true;
        config.redis.key_secret_file = path;
        write(kFirst);
    }
    ~KeyNamesTest() override { std::filesystem::remove(path); }

    void write(const std::string &text, mode_t mode = 0640) const
    {
        std::filesystem::remove(path);
        std::ofstream(path) << text;
        chmod(path.c_str(), mode);
    }
    KeyNames names() const { return {config.redis, false}; }
    static std::string print(const std::string &secret)
    {
        return std::string(opaque::Secret(secret).fingerprint().view());
    }
};

TEST_F(KeyNamesTest, PlainNamesAreTheIds)
{
    KeyNames const plain(cache::KeyForm::Plain), tagged(cache::KeyForm::HashTag);
    EXPECT_THAT(plain.prefixes("a:b"), ElementsAre("student:a:b:"));
    EXPECT_THAT(tagged.prefixes("ada"), ElementsAre("student:{ada}:"));
    EXPECT_EQ(plain.epoch_part(), "");
    EXPECT_EQ(tagged.epoch_part(), " tagged");
    EXPECT_FALSE(plain.include(""));
    EXPECT_EQ(name_in_prefix("student:{ada}:"), "ada");
    EXPECT_EQ(name_in_prefix("student:a:b:"), "a:b");
}

TEST_F(KeyNamesTest, AStudentHasANameForEachSecret)
{
    EXPECT_THAT(names().prefixes("ada"), ElementsAre("student:fwYXPiKcGd1SbK7WHCz--g:"));
    write(kSecond + "\n" + kFirst + "\n");
    auto const both = names();
    EXPECT_EQ(both.count(), 2U);
    EXPECT_EQ(both.prefix("ada", 1), "student:fwYXPiKcGd1SbK7WHCz--g:");
    EXPECT_NE(both.prefix("ada"), both.prefix("ada", 1));
    EXPECT_EQ(KeyNames(config.redis, true).prefix("ada", 1), "student:{fwYXPiKcGd1SbK7WHCz--g}:");
    EXPECT_THAT(both.of_given_names().prefixes("x"), ElementsAre("student:x:"));
    EXPECT_EQ(both.of_given_names().epoch_part(), both.epoch_part());
}

TEST_F(KeyNamesTest, AnEpochOfMoreKeysIncludesThoseOfFewer)
{
    auto const one = names();
    write(kSecond + "\n" + kFirst);
    auto const both = names();
    write(kFirst + "\n" + kSecond);
    EXPECT_EQ(names().epoch_part(), both.epoch_part()) << "the order decides which keys are new, not which are removed";
    write(kSecond);
    auto const other = names();
    EXPECT_TRUE(both.include(one.epoch_part()));
    EXPECT_TRUE(both.include(other.epoch_part()));
    EXPECT_FALSE(one.include(both.epoch_part()));
    EXPECT_FALSE(one.include(other.epoch_part()));
    EXPECT_FALSE(both.include("")) << "nothing removes keys with ids from now on";
    EXPECT_FALSE(both.include(one.epoch_part() + " tagged"));
    EXPECT_FALSE(KeyNames(config.redis, true).include(other.epoch_part()));
}

TEST_F(KeyNamesTest, TheDatabaseMustMakeKeysThatAreRemoved)
{
    auto const check = [&](const KeyNames &keys, const std::string &database) {
        keys.require(config, false, database);
    };
    auto const one = names();
    EXPECT_NO_THROW(check(one, print(kFirst)));
    EXPECT_NO_THROW(check(one, print(kFirst) + "," + print(kSecond))) << "not yet, or no longer, used";
    EXPECT_THAT([&] { check(one, print(kSecond) + "," + print(kFirst)); },
                ThrowsMessage<KeyError>(HasSubstr("lacks the secret " + print(kSecond))));
    EXPECT_THAT([&] { check(one, ""); }, ThrowsMessage<KeyError>(HasSubstr("white_cross.opaque_keys = off")));
    KeyNames const plain(cache::KeyForm::Plain);
    EXPECT_NO_THROW(check(plain, ""));
    EXPECT_THAT([&] { check(plain, print(kFirst)); }, ThrowsMessage<KeyError>(HasSubstr("redis.opaque_keys = false")));
    try {
        check(one, "");
    } catch (const Failure &failure) {
        EXPECT_EQ(failure.cause(), Cause::OtherKeys);
    }
}

TEST_F(KeyNamesTest, OtherSecretsWantANewConnection)
{
    auto const one = names();
    write(kFirst + "\n" + kSecond);
    EXPECT_THROW(one.require(config, false, print(kFirst)), IoError);
    write("short");
    EXPECT_THROW(one.require(config, false, print(kFirst)), KeyError);
}

TEST_F(KeyNamesTest, AFileThatCannotBeUsedIsAnErrorThatShowsNothingOfIt)
{
    auto const read = [&] { config::complete(config); };
    EXPECT_NO_THROW(read());
    write("secret-but-short");
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(HasSubstr("of less than 32 characters")));
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(testing::Not(HasSubstr("secret-but-short"))));
    EXPECT_THAT([&] { names(); }, ThrowsMessage<KeyError>(HasSubstr(path)));
    write(kFirst, 0644);
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(HasSubstr("may be read by everybody")));
    write(kFirst, 0660);
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(HasSubstr("may be written by others")));
    std::filesystem::remove(path);
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(HasSubstr("cannot be read")));
    std::filesystem::create_directory(path);
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(HasSubstr("is no regular file")));
    config.redis.key_secret_file = "";
    EXPECT_THAT(read, ThrowsMessage<config::ConfigError>(HasSubstr("needs the path of a file")));
}

}  // namespace
}  // namespace wc::redis
