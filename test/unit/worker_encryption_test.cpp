// Which connections others on the network can read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/encryption.hpp"
#include "process/loopback.hpp"
#include "redis/encryption.hpp"
#include "redis/target.hpp"

namespace wc {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Loopback, IsThisMachineAlone)
{
    for (auto const *host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"})
        EXPECT_TRUE(is_loopback(host)) << host;
    for (auto const *host :
         {"", "db", "10.0.0.1", "127.example.com", "localhost.example.com", "::2", "::ffff:10.0.0.1", "/tmp"})
        EXPECT_FALSE(is_loopback(host)) << host;
}

std::optional<std::string> of_database(const std::string &url) { return pg::describe_exposure(pg::parse_target(url)); }

TEST(PgEncryption, NamesAHostThatIsReachedInTheClear)
{
    for (auto const *url :
         {"postgresql://app:hush@db/white", "host=db password=hush", "host=localhost,db password=hush",
          "host=localhost hostaddr=10.0.0.7 password=hush sslmode=disable", "host=db sslmode=allow",
          "postgresql://app:hush@localhost,db/white?sslmode=prefer"}) {
        auto const said = of_database(url);
        ASSERT_TRUE(said) << url;
        EXPECT_THAT(*said, HasSubstr("others may read")) << url;
        EXPECT_THAT(*said, HasSubstr(std::string(url).find("10.0.0.7") != std::string::npos ? "10.0.0.7" : "db"))
            << url;
        EXPECT_THAT(*said, Not(HasSubstr("hush"))) << url;
    }
    EXPECT_THAT(of_database("host=db sslmode=require").value_or(""), HasSubstr("does not make sure that it is db"));
}

TEST(PgEncryption, SaysNothingWhereNobodyCanRead)
{
    for (auto const *url :
         {"", "postgresql://", "postgresql:///white", "host=/run/postgresql", "host=@abstract", "host=localhost",
          "postgresql://[::1]/white", "host=127.0.0.1,::1", "host=db sslmode=verify-full", "host=db sslmode=verify-ca",
          "host=db gssencmode=require", "service=school host=db"})
        EXPECT_FALSE(of_database(url)) << url;
}

TEST(PgEncryption, TakesTheEnvironmentAsLibpqDoes)
{
    ASSERT_EQ(setenv("PGHOST", "db", 1), 0);
    EXPECT_TRUE(of_database("dbname=white"));
    ASSERT_EQ(setenv("PGSSLMODE", "verify-full", 1), 0);
    EXPECT_FALSE(of_database("dbname=white"));
    unsetenv("PGHOST");
    unsetenv("PGSSLMODE");
}

TEST(RedisEncryption, NamesAHostThatIsReachedInTheClear)
{
    for (auto const *url : {"redis://:hush@cache", "redis://10.0.0.7:7000/1",
                            "redis+sentinel://:hush@localhost,cache/main", "redis+cluster://:hush@localhost,cache"}) {
        auto const said = redis::describe_exposure(redis::parse_address(url));
        ASSERT_TRUE(said) << url;
        EXPECT_THAT(*said, HasSubstr(std::string(url).find("cache") != std::string::npos ? "cache" : "10.0.0.7"))
            << url;
        EXPECT_THAT(*said, Not(HasSubstr("hush"))) << url;
    }
    for (auto const *url :
         {"redis://", "redis://localhost", "redis://[::1]:7", "rediss://cache", "rediss+sentinel://cache/main",
          "unix:///run/redis", "redis+sentinel://localhost,127.0.0.1/main", "redis+cluster://127.0.0.1:1,[::1]",
          "rediss+cluster://cache"})
        EXPECT_FALSE(redis::describe_exposure(redis::parse_address(url))) << url;
}

}  // namespace
}  // namespace wc
