// URLs of the two servers, and keys read backwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/connection.hpp"
#include "pg/target.hpp"
#include "redis/address.hpp"
#include "redis/library.hpp"
#include "redis/student_key.hpp"

namespace wc {
namespace {

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
    EXPECT_EQ(redis::parse_address("unix:///run/redis.sock").path, "/run/redis.sock");
}

TEST(RedisAddress, RefusesWithoutRepeatingThePassword)
{
    for (auto const *url :
         {"host:6379", "rediss://h", "http://h", "redis://u:secret@h:0", "redis://u:secret@h:70000",
          "redis://u:secret@h:x", "redis://u:secret@h/x", "redis://u:secret%4@h", "redis://[::1", "unix://"}) {
        try {
            redis::parse_address(url);
            ADD_FAILURE() << url;
        } catch (const std::invalid_argument &error) {
            EXPECT_THAT(error.what(), Not(HasSubstr("secret"))) << url;
        }
    }
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

TEST(SqlText, IsQuoted)
{
    EXPECT_EQ(pg::quoted("O'Brien"), "'O''Brien'");
    EXPECT_EQ(pg::quoted_identifier("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(pg::array_literal(std::vector<std::string>{"a", "b\"c\\", ""}), "{\"a\",\"b\\\"c\\\\\",\"\"}");
    EXPECT_EQ(pg::array_literal({}), "{}");
}

TEST(StudentKey, TellsStudentAndRest)
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
    for (auto const *other : {"", "student", "student:", "student:abc", "students:a:health_summary", "wc:fence:all"})
        EXPECT_FALSE(redis::parse_student_key(other)) << other;
}

TEST(RedisLibrary, IsInTheProgram)
{
    EXPECT_TRUE(redis::library_source().starts_with("#!lua name=white_cross\n"));
    EXPECT_THAT(std::string(redis::library_source()), HasSubstr("wc_invalidate"));
}

}  // namespace
}  // namespace wc
