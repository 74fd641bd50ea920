// An answer that says it will be enormous is refused at once; what is really asked for is read.
#include "redis/reply_bounds.hpp"

#include <gtest/gtest.h>

#include <string>

#include "redis/error.hpp"

namespace wc {
namespace {

using redis::ReplyBounds;

struct ReplyBoundsTest : testing::Test {
    ReplyBounds bounds;
    ReplyBoundsTest() { bounds.begin(); }
    /// In pieces of every size, as the network gives it.
    void see(const std::string &text)
    {
        for (std::size_t size = 1; size <= text.size(); ++size) {
            ReplyBounds other;
            for (std::size_t at = 0; at < text.size(); at += size)
                other.check(std::string_view(text).substr(at, size));
            other.check(":1\r\n");
        }
        bounds.check(text);
    }
};

TEST_F(ReplyBoundsTest, ReadsWhatIsAskedFor)
{
    see("+OK\r\n");
    see("-ERR no\r\n");
    see("$0\r\n\r\n");
    see("$-1\r\n*-1\r\n_\r\n#t\r\n");
    see("*3\r\n:1\r\n$12\r\n*2147483647\r\r\n$-1\r\n");
    see("*2\r\n$1\r\n0\r\n*2\r\n$3\r\n$9\n\r\n$2\r\n\r\n\r\n");
    bounds.begin();
    see("*1000000\r\n");
}

TEST_F(ReplyBoundsTest, RefusesMoreElementsThanAnyAnswerHas)
{
    for (auto const *header : {"*2147483647\r\n", "*4294967297\r\n", "*1000001\r\n", "%2147483647\r\n",
                               "~2147483647\r\n", ">2147483647\r\n", "*9223372036854775807\r\n"})
        EXPECT_THROW(ReplyBounds().check(header), redis::IoError) << header;
    bounds.check("*999999\r\n*1\r\n");
    EXPECT_THROW(bounds.check("*1\r\n"), redis::IoError) << "in lists that stand in each other";
    bounds = {};
    bounds.check("*999999\r\n");
    bounds.begin();
    EXPECT_NO_THROW(bounds.check("*999999\r\n")) << "of another answer";
}

TEST_F(ReplyBoundsTest, RefusesLongTexts)
{
    for (auto const *header : {"$2147483647\r\n", "$67108865\r\n", "$9223372036854775807\r\n", "=67108865\r\n"})
        EXPECT_THROW(ReplyBounds().check(header), redis::IoError) << header;
    std::string const megabyte(1 << 20, 'x');
    bounds.check("$67108864\r\n");
    for (int i = 0; i < 63; ++i)
        bounds.check(megabyte);
    EXPECT_THROW(bounds.check(megabyte), redis::IoError);
}

TEST_F(ReplyBoundsTest, RefusesManyTextsThatAreLongTogether)
{
    std::string const text = "$1048576\r\n" + std::string(1 << 20, 'x') + "\r\n";
    EXPECT_THROW(for (int i = 0; i < 64; ++i) bounds.check(text), redis::IoError);
    bounds = {};
    for (int i = 0; i < 100; ++i) {
        bounds.begin();
        bounds.check(text);
    }
}

TEST_F(ReplyBoundsTest, RefusesALineWithoutAnEnd)
{
    std::string const kilobytes(16 << 10, 'x');
    for (auto const *begin : {"-ERR ", "+", "", "*"}) {
        ReplyBounds other;
        other.check(begin);
        EXPECT_THROW(for (int i = 0; i < 5; ++i) other.check(kilobytes), redis::IoError) << begin;
    }
}

}  // namespace
}  // namespace wc
