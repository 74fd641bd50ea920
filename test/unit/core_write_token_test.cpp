#include "core/protocol/write_token.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wc::write_token {
namespace {

TEST(WriteToken, NamesATransactionAndItsServer)
{
    auto const token = parse("18446744073709551615.7301.2.99");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->xid, 18446744073709551615U);
    EXPECT_EQ(token->server, "7301.2.99");
    EXPECT_EQ(parse("0.1.1.1")->xid, 0U);
}

TEST(WriteToken, NothingElseIsOne)
{
    for (std::string const text : {"",         ".",        "1",        "1.",           "1.1",
                                   "1.1.1",    "1.1.1.",   "1.1.1.1.", "1.1.1.1.1",    ".1.1.1",
                                   "1..1.1",   "1.1..1",   "01.1.1.1", "-1.1.1.1",     "+1.1.1.1",
                                   " 1.1.1.1", "1.1.1.1 ", "1.1.1.x",  "1:1:@1#1.1.1", "18446744073709551616.1.1.1"})
        EXPECT_FALSE(parse(text)) << text;
}

}  // namespace
}  // namespace wc::write_token
