#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/csv/writer.hpp"

namespace wc::csv {
namespace {

std::string written(void (*write)(json::Buffer &, std::string_view), std::string_view text)
{
    static char memory[256];
    json::Buffer out(memory, sizeof memory, [](char *, std::size_t, std::size_t) -> char * { std::abort(); });
    write(out, text);
    return std::string(out.view());
}

TEST(Csv, QuotesWhatNeedsIt)
{
    EXPECT_EQ(written(write_field, "plain"), "plain");
    EXPECT_EQ(written(write_field, "Zoë 1;2"), "Zoë 1;2");
    EXPECT_EQ(written(write_field, ""), "\"\"");
    EXPECT_EQ(written(write_field, "a,b"), "\"a,b\"");
    EXPECT_EQ(written(write_field, "two\nlines\r\n"), "\"two\nlines\r\n\"");
    EXPECT_EQ(written(write_field, "\""), "\"\"\"\"");
    EXPECT_EQ(written(write_field, "say \"hi\""), "\"say \"\"hi\"\"\"");
    EXPECT_EQ(written(write_field, " edge"), "\" edge\"");
    EXPECT_EQ(written(write_field, "edge "), "\"edge \"");
    EXPECT_EQ(written(write_field, "=1+1"), "=1+1");
}

TEST(Csv, KnowsWhatASpreadsheetWouldRun)
{
    for (const char *text :
         {"=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "\v=1", "\f=1", "\x7f=1", " =1", "   @a", " \n=1"})
        EXPECT_TRUE(looks_like_formula(text)) << text;
    EXPECT_TRUE(looks_like_formula({"\0=1", 3}));
    // Full-width, small, minus; no-break space, next line, soft hyphen, ideographic, zero-width and narrow blanks,
    // marks of direction and of byte order, a filler, a tag.
    for (const char *start :
         {"\uFF1D", "\uFF0B", "\uFF0D", "\uFF20", "\uFE66", "\uFE62", "\uFE63", "\uFE6B", "\u2212", "\u00A0",
          "\u0085", "\u00AD", "\u3000", "\u200B", "\u202F", "\u2028", "\u202E", "\uFEFF", "\u3164", "\U000E0020"}) {
        EXPECT_TRUE(looks_like_formula(std::string(start) + "=1")) << start;
        EXPECT_TRUE(looks_like_formula("  " + std::string(start) + "1")) << start;
    }
    for (const char *text : {"", " ", "   ", "1=1", "a-b", "'=1", "x", "Zoë", "ünï", "\u00A1Hola!", "\u30FC", "\uFF1C",
                             "\U0001F9EA=1", "é=1"})
        EXPECT_FALSE(looks_like_formula(text)) << text;
    // Cut off in the middle of a character.
    EXPECT_TRUE(looks_like_formula("\xEF\xBC"));
}

TEST(Csv, PutsAnApostropheInFront)
{
    EXPECT_EQ(written(write_after_apostrophe, "=\"a\""), "\"'=\"\"a\"\"\"");
    EXPECT_EQ(written(write_after_apostrophe, "\n=1"), "\"'\n=1\"");
}

}  // namespace
}  // namespace wc::csv
