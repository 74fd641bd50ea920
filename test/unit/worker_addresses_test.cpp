// URLs of the two servers, and keys read backwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/target.hpp"
#include "redis/address.hpp"
#include "redis/library.hpp"
#include "redis/refusal.hpp"
#include "redis/sentinel.hpp"
#include "redis/student_key.hpp"
#include "redis/target.hpp"

namespace wc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(RedisAddress, ReadsEveryPart)
{
    auto const all = redis::parse_address("redis://user:p%40ss:w@host.example:7000/3");
    EXPECT_EQ(all.user, "user");
    EXPECT_EQ(all.password, "p@ss:w");
    EXPECT_EQ(all.host, "host.example");
    EXPECT_EQ(all.port, "7000");
    EXPECT_EQ(all.database, 3);
    auto const least = redis::parse_address("redis://");
    EXPECT_EQ(least.host + ":" + least.port, "127.0.0.1:6379");
    EXPECT_EQ(redis::parse_address("redis://:secret@h").password, "secret");
    EXPECT_EQ(redis::parse_address("redis://:p@ss@h").password, "p@ss");
    EXPECT_EQ(redis::parse_address("redis://h?x=1").host, "h");
    EXPECT_EQ(redis::parse_address("redis://[::1]:7").host, "::1");
    EXPECT_EQ(redis::parse_address("redis://:old@h", "new").password, "new");
    EXPECT_FALSE(all.tls);
}

TEST(RedisAddress, ReadsTls)
{
    auto const tls = redis::parse_address("rediss://worker:p@host.example/2");
    EXPECT_TRUE(tls.tls);
    EXPECT_EQ(tls.host + ":" + tls.port, "host.example:6379");
    EXPECT_EQ(tls.user + ":" + tls.password, "worker:p");
    EXPECT_EQ(tls.database, 2);
    EXPECT_TRUE(redis::parse_address("rediss://h?ssl_cert_reqs=none").tls);
}

TEST(RedisAddress, ReadsNodesOfACluster)
{
    auto const all = redis::parse_address("rediss+cluster://worker:p%40@node1,node2:7000,[::1]:7001/");
    EXPECT_TRUE(all.tls);
    EXPECT_EQ(all.user + ":" + all.password, "worker:p@");
    EXPECT_EQ(describe(all), "node1:6379,node2:7000,[::1]:7001");
    EXPECT_EQ(redis::parse_address("redis+cluster://h/0").nodes, std::vector{(redis::Endpoint{"h", "6379"})});
    for (auto const bad : {"redis+cluster://", "redis+cluster://a,,b", "redis+cluster://a:0", "redis+cluster://a/1"})
        EXPECT_THROW(redis::parse_address(bad), std::invalid_argument) << bad;
}

TEST(RedisAddress, ReadsUnixSockets)
{
    auto const least = redis::parse_address("unix:///run/redis.sock", "p");
    EXPECT_EQ(least.path, "/run/redis.sock");
    EXPECT_EQ(least.password, "p");
    EXPECT_EQ(least.database, 0);
    auto const all = redis::parse_address("unix://worker:p%40%2F:w@/run/a%20b@c.sock?db=5");
    EXPECT_EQ(all.path, "/run/a b@c.sock");
    EXPECT_EQ(all.user, "worker");
    EXPECT_EQ(all.password, "p@/:w");
    EXPECT_EQ(all.database, 5);
    EXPECT_EQ(redis::parse_address("unix://worker:old@/run/redis.sock", "new").password, "new");
}

TEST(RedisAddress, ReadsSentinels)
{
    auto const all =
        redis::parse_address("redis+sentinel://worker:p%40@a.example:7000,[::1]:7001,b.example/dis%20trict/3");
    EXPECT_EQ(all.user + ":" + all.password, "worker:p@");
    EXPECT_THAT(all.sentinels, ElementsAre(redis::Endpoint{"a.example", "7000"}, redis::Endpoint{"::1", "7001"},
                                           redis::Endpoint{"b.example", "26379"}));
    EXPECT_EQ(all.master, "dis trict");
    EXPECT_EQ(all.database, 3);
    EXPECT_FALSE(all.tls);
    EXPECT_EQ(redis::describe(all), "a.example:7000,[::1]:7001,b.example:26379/dis trict/3");
    auto const tls = redis::parse_address("rediss+sentinel://h/m", "new");
    EXPECT_TRUE(tls.tls);
    EXPECT_EQ(tls.password, "new");
    EXPECT_EQ(tls.database, 0);
    EXPECT_EQ(redis::parse_address("redis+sentinel://h/m/").master, "m");
    EXPECT_THAT(redis::parse_address("redis://h/1").sentinels, IsEmpty());
}

TEST(Sentinels, TheLatestFailoverCountsThenTheVoices)
{
    redis::Endpoint const old{"old", "1"}, now{"now", "2"};
    EXPECT_THAT(redis::rank({{old, 3}, {old, 3}, {now, 4}}),
                ElementsAre(redis::Candidate{now, 4, 1}, redis::Candidate{old, 3, 2}));
    EXPECT_THAT(redis::rank({{old, 0}, {now, 0}, {now, 0}}),
                ElementsAre(redis::Candidate{now, 0, 2}, redis::Candidate{old, 0, 1}));
    EXPECT_THAT(redis::rank({}), IsEmpty());
}

TEST(RedisAddress, RefusesWithoutRepeatingThePassword)
{
    for (auto const *url : {"redis+sentinel://:secret@",
                            "redis+sentinel://:secret@h",
                            "redis+sentinel://:secret@h/",
                            "redis+sentinel://:secret@h//1",
                            "redis+sentinel://:secret@/m",
                            "redis+sentinel://:secret@a,,b/m",
                            "redis+sentinel://:secret@a,/m",
                            "redis+sentinel://:secret@a:0/m",
                            "redis+sentinel://:secret@a:x/m",
                            "redis+sentinel://:secret@[::1/m",
                            "redis+sentinel://:secret@a/m/x",
                            "redis+cluster://:secret@a/m",
                            "host:6379",
                            "redisss://h",
                            "http://h",
                            "unix://:secret@",
                            "unix://secret",
                            "unix://:secret@/s?db=x",
                            "unix://:secret@/s?db=-1",
                            "unix://:secret@/s?secret",
                            "rediss://u:secret@h:0",
                            "redis://u:secret@h:0",
                            "redis://u:secret@h:70000",
                            "redis://u:secret@h:x",
                            "redis://u:secret@h/x",
                            "redis://u:secret%4@h",
                            "redis://[::1",
                            "unix://"}) {
        try {
            redis::parse_address(url);
            ADD_FAILURE() << url;
        } catch (const std::invalid_argument &error) {
            EXPECT_THAT(error.what(), Not(HasSubstr("secret"))) << url;
        }
    }
}

TEST(RedisTarget, TheLoginOfSentinelsNeedsSentinels)
{
    config::Redis said;
    said.url = "redis+sentinel://redis-user:redis@h/m";
    said.sentinel_user = "asker";
    said.sentinel_password = "p";
    said.sentinel_password_file = "not read";
    auto const target = redis::parse_target(said);
    EXPECT_EQ(target.sentinel.user + target.sentinel.password + target.sentinel.password_file, "askerp");
    EXPECT_EQ(target.address.user + target.address.password, "redis-userredis");
    said.url = "redis://h";
    EXPECT_THROW(redis::parse_target(said), std::invalid_argument);
}

TEST(RedisTarget, TakesWhatTheConfigurationSays)
{
    config::Redis said;
    said.url = "rediss://from-url:p@h:1/3";
    said.tls_ca_file = "ca";
    said.tls_cert_file = "cert";
    said.tls_key_file = "key";
    said.timeout_ms = 7;
    auto const plain = redis::parse_target(said);
    EXPECT_EQ(plain.address.user + plain.address.password, "from-urlp");
    EXPECT_EQ(plain.tls.authority + plain.tls.certificate + plain.tls.key, "cacertkey");
    EXPECT_EQ(plain.timeout.count(), 7);
    said.user = "worker";
    said.password_file = "secret";
    auto const apart = redis::parse_target(said);
    EXPECT_EQ(apart.address.user, "worker");
    EXPECT_EQ(apart.password_file, "secret");
    said.password = "inline";
    EXPECT_EQ(redis::parse_target(said).address.password + redis::parse_target(said).password_file, "inline");
}

TEST(RedisTarget, RefusesCertificatesThatWouldNotBeUsed)
{
    auto const refusal = [](const std::string &url, std::string config::Redis::*key) {
        config::Redis said;
        said.url = url;
        said.*key = "file";
        try {
            redis::parse_target(said);
        } catch (const std::invalid_argument &error) {
            return std::string(error.what());
        }
        return std::string();
    };
    for (auto const *url : {"redis://h", "unix:///s"}) {
        EXPECT_THAT(refusal(url, &config::Redis::tls_ca_file), HasSubstr("redis.tls_ca_file: needs a redis.url"));
        EXPECT_THAT(refusal(url, &config::Redis::tls_cert_file), HasSubstr("redis.tls_cert_file: needs a redis.url"));
        EXPECT_THAT(refusal(url, &config::Redis::tls_key_file), HasSubstr("redis.tls_key_file: needs a redis.url"));
    }
    EXPECT_THAT(refusal("rediss://h", &config::Redis::tls_cert_file), HasSubstr("redis.tls_key_file: is missing"));
    EXPECT_THAT(refusal("rediss://h", &config::Redis::tls_key_file), HasSubstr("redis.tls_cert_file: is missing"));
    EXPECT_EQ(refusal("rediss://h", &config::Redis::tls_ca_file), "");
    EXPECT_THAT(refusal("h", &config::Redis::user), testing::StartsWith("redis.url: "));
}

TEST(RedisRefusal, SaysWhatToDoAndNothingThatWasSent)
{
    EXPECT_EQ(redis::describe_refusal("ERR unknown command `FCALL`, with args beginning with: `wc_fill` `{\"student\""),
              "ERR unknown command `FCALL`");
    EXPECT_EQ(redis::describe_refusal("ERR wrong"), "ERR wrong");
    EXPECT_EQ(redis::describe_refusal("NOAUTH Authentication required."),
              "NOAUTH Authentication required: set redis.user and redis.password_file");
    for (auto const *refused :
         {"NOPERM this user has no permissions to run the 'fcall' command",
          "ERR The user executing the script can't run this command or subcommand script: wc_invalidate, on "
          "@user_function:1.",
          "ERR ACL failure in script: No permissions to access a key script: wc_fill, on @user_function:2."})
        EXPECT_THAT(redis::describe_refusal(refused),
                    testing::EndsWith(": the user needs the rights that config/users.acl gives to wc_worker"));
    EXPECT_THAT(redis::describe_login_refusal("WRONGPASS invalid username-password pair or user is disabled.", "ann"),
                AllOf(HasSubstr("WRONGPASS"), HasSubstr("ann"), HasSubstr("redis.password_file")));
    EXPECT_THAT(
        redis::describe_login_refusal("ERR unknown command 'AUTH', with args beginning with: 'ann' 'hush'", "ann"),
        Not(HasSubstr("hush")));
    EXPECT_THAT(redis::describe_login_refusal("ERR AUTH <password> called without any password configured", ""),
                HasSubstr("no password for the user default"));
}

TEST(PostgresTarget, LeavesOutWhatOnlyAnOrmKnows)
{
    auto const prisma = pg::parse_target(
        "postgresql://u:p@h:5432/db?schema=public&connect_timeout=3&connection_limit=5&sslmode=prefer");
    EXPECT_EQ(prisma.conninfo, "postgresql://u:p@h:5432/db?connect_timeout=3&sslmode=prefer");
    EXPECT_THAT(prisma.ignored, ElementsAre("schema", "connection_limit"));
    EXPECT_EQ(pg::parse_target("postgres://h/db?schema=public").conninfo, "postgres://h/db");
    EXPECT_THAT(pg::parse_target("host=a,b target_session_attrs=read-write").ignored, IsEmpty());
}

TEST(PostgresTarget, RefusesWithoutRepeatingThePassword)
{
    for (auto const *url :
         {"postgresql://u:secret@[::1/db", "password=secret nonsense", "host=h schema=public password=secret"}) {
        try {
            pg::parse_target(url);
            ADD_FAILURE() << url;
        } catch (const std::invalid_argument &error) {
            EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
        }
    }
}

TEST(StudentKey, IsParsedIntoStudentAndRest)
{
    auto const check = [](std::string_view key, std::string_view student, std::string_view rest) {
        auto const parsed = redis::parse_student_key(key);
        ASSERT_TRUE(parsed) << key;
        EXPECT_EQ(parsed->student, student);
        EXPECT_EQ(parsed->rest, rest);
    };
    check("student:abc:health_summary", "abc", "health_summary");
    check("student:{abc}:growth_chart", "abc", "growth_chart");
    check("student:a:b:fence", "a:b", "fence");
    check("student:abc:records:1:20:{\"type\":\"X\"}", "abc", "records:1:20:{\"type\":\"X\"}");
    check("student:{a:b}:pages", "a:b", "pages");
    check("student::health_summary", "", "health_summary");
    check("student:a:records:1:20:b:health_summary", "a:records:1:20:b", "health_summary");
    check("student:a:records:1:20:{}:fence", "a:records:1:20:{}", "fence");
    check("student:a:health_summary:lease", "a:health_summary", "lease");
    for (auto const *other : {"", "student", "student:", "student:abc", "students:a:health_summary", "wc:fence:all"})
        EXPECT_FALSE(redis::parse_student_key(other)) << other;
}

TEST(StudentKey, ReturnsAllOwnersThatAPageMayHave)
{
    auto const owners = [](std::string_view key) {
        auto const found = redis::page_owners(key);
        return std::vector<std::string>(found.begin(), found.end());
    };
    EXPECT_THAT(owners("student:a:records:1:20:{}"), testing::ElementsAre("a"));
    EXPECT_THAT(owners("student:{a}:records:1:20:{}"), testing::ElementsAre("a"));
    EXPECT_THAT(owners("student::records:1:20:{}"), testing::ElementsAre(""));
    EXPECT_THAT(owners("student:a:records:1:20:b:records:1:20:{}"), testing::ElementsAre("a", "a:records:1:20:b"));
    EXPECT_THAT(owners("student:a:health_summary"), testing::ElementsAre());
    EXPECT_THAT(owners("session:a:records:1:20:{}"), testing::ElementsAre());
}

TEST(RedisLibrary, IsInTheProgram)
{
    EXPECT_TRUE(redis::library_source().starts_with("#!lua name=white_cross\n"));
    EXPECT_THAT(std::string(redis::library_source()), HasSubstr("wc_invalidate"));
}

}  // namespace
}  // namespace wc
