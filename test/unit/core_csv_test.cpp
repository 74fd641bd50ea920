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

TEST(Csv, LeavesNothingForASpreadsheetToRun)
{
    for (const char *text : {"=1", "+1", "-1", "@a", "\t=1", "\r=1"})
        EXPECT_EQ(written(write_harmless_field, text), "\"'" + std::string(text) + "\"");
    EXPECT_EQ(written(write_harmless_field, "=\"a\""), "\"'=\"\"a\"\"\"");
    for (const char *text : {"1=1", "a-b", "'=1", "x"})
        EXPECT_EQ(written(write_harmless_field, text), text);
    EXPECT_EQ(written(write_harmless_field, ""), "\"\"");
}

}  // namespace
}  // namespace wc::csv
