// What servers say becomes a line of a log and nothing else.
#include "process/printable.hpp"

#include <gtest/gtest.h>

#include "process/failure.hpp"

namespace wc {
namespace {

TEST(Printable, KeepsWhatCanBeRead)
{
    for (auto const *text : {"", "ERR no", "Zoë – 名前 🙂", "a\\x1b", "\"quoted\" <7>"})
        EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesEveryControlCharacter)
{
    for (int c = 0; c < 0x20; ++c) {
        char hex[8];
        std::snprintf(hex, sizeof hex, "a\\x%02xb", static_cast<unsigned>(c));
        EXPECT_EQ(printable(std::string("a") + static_cast<char>(c) + "b"), hex);
    }
    EXPECT_EQ(printable("\x7f"), "\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "of eight bits, which a terminal obeys as well";
    EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8") << "an end of a line";
    EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "from right to left";
}

TEST(Printable, EscapesWhatIsNoText)
{
    EXPECT_EQ(printable("\xff\xc3(\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe4\xb8"),
              "\\xff\\xc3(\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe4\\xb8");
}

TEST(Printable, CutsBetweenCharacters)
{
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
    EXPECT_EQ(printable("abcdëg", 5), "abcd...");
    EXPECT_EQ(printable("abc\x01g", 6), "abc...");
    EXPECT_LE(printable(std::string(1 << 20, '\x01')).size(), 1003U);
}

TEST(Failure, IsPrintable)
{
    Failure const failure(Part::Postgres, "ERROR: \x1b]0;title\x07" + std::string(5000, 'x'));
    EXPECT_EQ(std::string(failure.what()).substr(0, 25), "ERROR: \\x1b]0;title\\x07xx");
    EXPECT_LE(std::string(failure.what()).size(), 1003U);
}

}  // namespace
}  // namespace wc
