// One thing in several spellings.
#include <gtest/gtest.h>

#include <string>

#include "core/search/spelling.hpp"
#include "test/fuzz/memory.hpp"

namespace wc::search {
namespace {

using Append = bool (*)(json::Buffer &, std::string_view, bool);

// What it gives, or "" where that is no other spelling.
std::string other(Append append, std::string_view term, bool utf8 = true)
{
    fuzz::OwnBuffer out;
    return append(out.buffer, term, utf8) ? std::string(out.buffer.view()) : std::string();
}

TEST(Spelling, PartsAtHyphens)
{
    EXPECT_EQ(other(append_parted, "covid-19"), "covid 19");
    EXPECT_EQ(other(append_parted, "a-b-c"), "a b c");
    EXPECT_EQ(other(append_parted, "x\u2011ray"), "x ray");
    EXPECT_EQ(other(append_parted, "covid\u201319"), "covid 19");
    EXPECT_EQ(other(append_parted, "covid19"), "");
    EXPECT_EQ(other(append_parted, ""), "");
    EXPECT_EQ(other(append_parted, "x\u2011ray", false), "") << "bytes of another encoding are letters";
}

TEST(Spelling, SplitsBetweenLettersAndDigits)
{
    EXPECT_EQ(other(append_split, "covid19"), "covid 19");
    EXPECT_EQ(other(append_split, "5mg"), "5 mg");
    EXPECT_EQ(other(append_split, "H1N1"), "H 1 N 1");
    EXPECT_EQ(other(append_split, "covid-19b"), "covid 19 b");
    EXPECT_EQ(other(append_split, "covid-19"), "") << "the hyphen parts it already";
    EXPECT_EQ(other(append_split, "37.5"), "");
    EXPECT_EQ(other(append_split, "x-ray"), "");
    EXPECT_EQ(other(append_split,
                    "\u00E9"
                    "5"),
              "");
}

TEST(Spelling, JoinsWhatHyphensPart)
{
    EXPECT_EQ(other(append_joined, "covid-19"), "covid19");
    EXPECT_EQ(other(append_joined, "follow-up"), "followup");
    EXPECT_EQ(other(append_joined, "x\u2010ray"), "xray");
    EXPECT_EQ(other(append_joined, "2025-10-10"), "") << "a date is none without its hyphens";
    EXPECT_EQ(other(append_joined, "covid19"), "");
}

TEST(Spelling, TwoWordsMayBeOne)
{
    EXPECT_TRUE(may_be_joined("covid", "19"));
    EXPECT_TRUE(may_be_joined("5", "mg"));
    EXPECT_FALSE(may_be_joined("sore", "throat"));
    EXPECT_FALSE(may_be_joined("10", "10"));
    EXPECT_FALSE(may_be_joined("covid", "19b"));
    EXPECT_FALSE(may_be_joined("covid", ""));
    EXPECT_FALSE(may_be_joined("", "19"));
}

TEST(Spelling, KnowsNumbers)
{
    for (const char *const lexeme : {"19", "-19", "+19"}) {
        std::string_view digits;
        EXPECT_TRUE(is_number(lexeme, digits)) << lexeme;
        EXPECT_EQ(digits, "19") << lexeme;
    }
    std::string_view digits;
    EXPECT_TRUE(is_number("-37.5", digits));
    EXPECT_EQ(digits, "37.5");
    for (const char *const lexeme :
         {"", "-", "+", ".", "-.", "1.", ".5", "10.10.2025", "1e5", "b12", "--1", "+-1", "1,5", "2024/25", "-1-"})
        EXPECT_FALSE(is_number(lexeme, digits)) << lexeme;
}

}  // namespace
}  // namespace wc::search
