#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "core/id/spelling.hpp"

namespace wc::id {
namespace {

constexpr Uuid kUuid{0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11};

TEST(Id, ReadsTheUuidsThatPostgresReads)
{
    for (const char *const spelled :
         {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
          "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
          "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"}) {
        Uuid uuid{};
        EXPECT_TRUE(parse_uuid(spelled, uuid)) << spelled;
        EXPECT_EQ(uuid, kUuid) << spelled;
    }
}

TEST(Id, ReadsNoOtherUuid)
{
    for (const char *const spelled : {"", "{", "}", "{}", "-", "x", " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 ", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
                                      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
                                      "a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
                                      "-a0eebc999c0b4ef8bb6d6bb9bd380a11", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}) {
        Uuid uuid{};
        EXPECT_FALSE(parse_uuid(spelled, uuid)) << spelled;
    }
}

TEST(Id, ReadsTheNumbersThatPostgresReads)
{
    for (const char *const spelled : {"7", "007", "+7", " 7", "7 ", "\t\n\v\f\r 7 \r", "+0000000000000000000000007"}) {
        std::int64_t number = 0;
        EXPECT_EQ(parse_integer(spelled, number), Read::Done) << spelled;
        EXPECT_EQ(number, 7) << spelled;
    }
    std::int64_t number = 1;
    EXPECT_EQ(parse_integer("-0", number), Read::Done);
    EXPECT_EQ(number, 0);
    EXPECT_EQ(parse_integer("-9223372036854775808", number), Read::Done);
    EXPECT_EQ(number, INT64_MIN);
    EXPECT_EQ(parse_integer("9223372036854775807", number), Read::Done);
    EXPECT_EQ(number, INT64_MAX);
}

TEST(Id, KnowsWhatIsNoNumberOfItsBits)
{
    std::int64_t number = 5;
    for (const char *const spelled :
         {"9223372036854775808", "-9223372036854775809", "92233720368547758070", "99999999999999999999999"})
        EXPECT_EQ(parse_integer(spelled, number), Read::OutOfRange) << spelled;
    for (const char *const spelled : {"", " ", "+", "-", "+-7", "- 7", "7 7", "7a", "0x7", "7.0", "1e3",
                                      "\xC2\xA0"
                                      "7",
                                      "99999999999999999999x"})
        EXPECT_EQ(parse_integer(spelled, number), Read::Malformed) << spelled;
    EXPECT_EQ(parse_integer(std::string_view("7\0", 2), number), Read::Malformed);
    EXPECT_EQ(number, 5);
}

}  // namespace
}  // namespace wc::id
