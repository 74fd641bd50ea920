#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "core/json/writer.hpp"
#include "core/time/iso_time.hpp"

namespace {

using wc::time::parse_iso_time;

// The time as the JSON writer prints it, which is JavaScript's form; empty where there is none.
std::string read(std::string_view text)
{
    std::int64_t microseconds = 0;
    if (!parse_iso_time(text, microseconds))
        return {};
    auto const grow = [](char *, std::size_t, std::size_t) -> char * { std::abort(); };
    char bytes[64];
    wc::json::Buffer out(bytes, sizeof bytes, grow);
    wc::json::write_timestamp(out, microseconds);
    return std::string(out.view().substr(1, out.size() - 2));
}

TEST(IsoTime, ReadsWhatJavaScriptWrites)
{
    for (const char *text : {"2025-10-10T09:30:00.000Z", "2000-01-01T00:00:00.000Z", "1999-12-31T23:59:59.999Z",
                             "2024-02-29T12:00:00.001Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
                             "+010000-01-01T00:00:00.000Z", "-000001-12-31T00:00:00.000Z", "0000-02-29T00:00:00.000Z"})
        EXPECT_EQ(read(text), text);
}

TEST(IsoTime, ReadsEveryDayOfFourHundredYears)
{
    std::int64_t wanted = 0;
    parse_iso_time("1896-03-01", wanted);
    for (int day = 0; day < 146097 + 1; ++day) {
        auto const grow = [](char *, std::size_t, std::size_t) -> char * { std::abort(); };
        char bytes[64];
        wc::json::Buffer out(bytes, sizeof bytes, grow);
        wc::json::write_timestamp(out, wanted);
        std::int64_t found = 0;
        ASSERT_TRUE(parse_iso_time(out.view().substr(1, 10), found)) << out.view();
        ASSERT_EQ(found, wanted) << out.view();
        wanted += 86'400'000'000;
    }
}

TEST(IsoTime, ADateAloneIsItsMidnightAndATimeWithoutZoneIsUtc)
{
    EXPECT_EQ(read("2025-10-10"), "2025-10-10T00:00:00.000Z");
    EXPECT_EQ(read("2025-10-10T09:30"), "2025-10-10T09:30:00.000Z");
    EXPECT_EQ(read("2025-10-10 09:30:15"), "2025-10-10T09:30:15.000Z");
    EXPECT_EQ(read("2025-10-10T09:30:15.5"), "2025-10-10T09:30:15.500Z");
}

TEST(IsoTime, ReadsZones)
{
    EXPECT_EQ(read("2025-10-10T00:30+02:00"), "2025-10-09T22:30:00.000Z");
    EXPECT_EQ(read("2025-10-10T23:30:00-0530"), "2025-10-11T05:00:00.000Z");
    EXPECT_EQ(read("2025-10-10T09:30:00.000+14"), "2025-10-09T19:30:00.000Z");
}

TEST(IsoTime, ReadsEveryDayThatADateHas)
{
    auto const grow = [](char *, std::size_t, std::size_t) -> char * { std::abort(); };
    // From 4714-11-24 BC to 5874897-12-31, which is past what 64 bits of microseconds reach.
    for (std::int64_t day = -2451545; day <= 2145031948; day += day < 110'000'000 ? 9'973 : 999'983) {
        char bytes[64];
        wc::json::Buffer out(bytes, sizeof bytes, grow);
        wc::json::write_day(out, static_cast<std::int32_t>(day));
        std::int64_t found = 0;
        std::int64_t of_day = -1;
        ASSERT_TRUE(parse_iso_time(out.view().substr(1, out.size() - 2), found, of_day)) << out.view();
        ASSERT_EQ(found, day) << out.view();
        ASSERT_EQ(of_day, 0);
    }
    char bytes[64];
    wc::json::Buffer out(bytes, sizeof bytes, grow);
    wc::json::write_day(out, 2145031948);
    EXPECT_EQ(out.view(), "\"+5874897-12-31T00:00:00.000Z\"");
    std::int64_t microseconds = 0;
    EXPECT_FALSE(parse_iso_time("+5874897-12-31", microseconds));
    EXPECT_FALSE(parse_iso_time("+999999-12-31", microseconds));
    EXPECT_FALSE(parse_iso_time("-999999-12-31", microseconds));
    EXPECT_TRUE(parse_iso_time("+294276-12-31T23:59:59.999999Z", microseconds));
    EXPECT_EQ(microseconds, 9'223'371'331'199'999'999);
}

TEST(IsoTime, AZoneMovesTheDay)
{
    std::int64_t day = 0;
    std::int64_t of_day = 0;
    ASSERT_TRUE(parse_iso_time("2000-01-01T00:30+02:00", day, of_day));
    EXPECT_EQ(day, -1);
    EXPECT_EQ(of_day, (22 * 60 + 30) * 60'000'000LL);
    ASSERT_TRUE(parse_iso_time("2000-01-01T23:30-01:00", day, of_day));
    EXPECT_EQ(day, 1);
    EXPECT_EQ(of_day, 30 * 60'000'000LL);
}

TEST(IsoTime, KeepsMicrosecondsAndCutsWhatIsBelow)
{
    std::int64_t microseconds = 0;
    ASSERT_TRUE(parse_iso_time("2000-01-01T00:00:00.1234569Z", microseconds));
    EXPECT_EQ(microseconds, 123456);
}

TEST(IsoTime, NothingElseIsATime)
{
    for (const char *text : {"",
                             "now",
                             "today",
                             "infinity",
                             "2025",
                             "2025-10",
                             "2025-1-1",
                             "2025-13-01",
                             "2025-00-01",
                             "2025-02-29",
                             "2025-04-31",
                             "2025-10-00",
                             "1900-02-29",
                             "2025-10-10T",
                             "2025-10-10T24:00",
                             "2025-10-10T09",
                             "2025-10-10T09:60",
                             "2025-10-10T09:30:60",
                             "2025-10-10T09:30:00.",
                             "2025-10-10T09:30:00,5",
                             "2025-10-10T09:30Zulu",
                             "2025-10-10T09:30+2",
                             "2025-10-10T09:30+24:00",
                             "2025-10-10T09:30+02:60",
                             "2025-10-10T09:30+02:",
                             " 2025-10-10",
                             "2025-10-10 ",
                             "2025-10-10Z",
                             "10/10/2025",
                             "20251010",
                             "-000000-01-01",
                             "+2025-10-10",
                             "+0294276-12-31",
                             "+12345678-12-31",
                             "2025-10-10T09:30:00ZZ",
                             "２０２５-10-10"})
        EXPECT_EQ(read(text), "") << text;
    EXPECT_EQ(read({"2025-10-10\0", 11}), "");
}

TEST(IsoTime, TellsADayFromATime)
{
    for (std::string_view const day : {"2025-06-30", "+002025-06-30", "-000001-01-01"})
        EXPECT_TRUE(wc::time::is_iso_day(day)) << day;
    for (std::string_view const time :
         {"2025-06-30T00:00", "2025-06-30 00:00:00Z", "2025-06-30T00:00:00.000+02:00", "2025-06-30Z", "2025-06-31", ""})
        EXPECT_FALSE(wc::time::is_iso_day(time)) << time;
}

}  // namespace
