#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/json/writer.hpp"
#include "test/fuzz/memory.hpp"

namespace wc::json {
namespace {

// Returns what `write` writes, beginning with a buffer that is too small for any value.
template <class Write>
std::string written(Write write)
{
    fuzz::OwnBuffer out(1);
    write(out.buffer);
    return std::string(out.buffer.view());
}

std::string string_of(std::string_view text)
{
    return written([&](Buffer &out) { write_string(out, text); });
}

std::string time_of(std::int64_t microseconds)
{
    return written([&](Buffer &out) { write_timestamp(out, microseconds); });
}

TEST(JsonBuffer, KeepsWhatWasWrittenWhileItGrows)
{
    std::string expected;
    std::string const text = written([&](Buffer &out) {
        for (int i = 0; i < 5000; ++i) {
            std::string const piece = std::to_string(i);
            out.append(piece);
            out.append(',');
            expected += piece + ',';
        }
    });
    EXPECT_EQ(text, expected);
}

TEST(JsonTime, ExactHasSixDigitsOnlyWhereThreeWouldLoseSomething)
{
    auto const exact = [](std::int64_t time) {
        return written([&](Buffer &out) { write_exact_timestamp(out, time); });
    };
    EXPECT_EQ(exact(0), R"("2000-01-01T00:00:00.000Z")");
    EXPECT_EQ(exact(123'000), R"("2000-01-01T00:00:00.123Z")");
    EXPECT_EQ(exact(123'001), R"("2000-01-01T00:00:00.123001Z")");
    EXPECT_EQ(exact(-1), R"("1999-12-31T23:59:59.999999Z")");
    EXPECT_EQ(time_of(-1), R"("1999-12-31T23:59:59.999Z")");
    EXPECT_EQ(exact(40), R"("2000-01-01T00:00:00.000040Z")");
}

TEST(JsonString, PlainTextStaysAsItIs)
{
    EXPECT_EQ(string_of(""), R"("")");
    EXPECT_EQ(string_of("Peanuts, O'Brien / 100 %"), R"("Peanuts, O'Brien / 100 %")");
    EXPECT_EQ(string_of("Зоя 🧒🏽\x7f"), "\"Зоя 🧒🏽\x7f\"");
}

TEST(JsonString, EscapesQuoteBackslashAndEveryControlCharacter)
{
    EXPECT_EQ(string_of("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
    for (int c = 0; c < 0x20; ++c) {
        std::string const text = string_of(std::string(1, static_cast<char>(c)));
        EXPECT_EQ(text[1], '\\') << c;
        EXPECT_EQ(text.find(static_cast<char>(c)), std::string::npos) << c;
    }
    EXPECT_EQ(string_of(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
}

TEST(JsonString, ManyEscapesInALongText)
{
    std::string text;
    std::string expected = "\"";
    for (int i = 0; i < 3000; ++i) {
        text += "a\x01";
        expected += "a\\u0001";
    }
    EXPECT_EQ(string_of(text), expected + "\"");
}

TEST(JsonNumbers, IntegersAndDoubles)
{
    auto const integer = [](std::int64_t value) { return written([=](Buffer &out) { write_integer(out, value); }); };
    EXPECT_EQ(integer(0), "0");
    EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
    auto const real = [](double value) { return written([=](Buffer &out) { write_double(out, value); }); };
    EXPECT_EQ(real(37), "37");
    EXPECT_EQ(real(0.1), "0.1");
    EXPECT_EQ(std::strtod(real(1.0 / 3).c_str(), nullptr), 1.0 / 3);
    EXPECT_EQ(std::strtod(real(std::numeric_limits<double>::denorm_min()).c_str(), nullptr),
              std::numeric_limits<double>::denorm_min());
}

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

TEST(JsonTimestamp, IsWhatJavaScriptPrints)
{
    EXPECT_EQ(time_of(0), R"("2000-01-01T00:00:00.000Z")");
    EXPECT_EQ(time_of(-1), R"("1999-12-31T23:59:59.999Z")");
    EXPECT_EQ(time_of(-1000), R"("1999-12-31T23:59:59.999Z")");
    EXPECT_EQ(time_of(-1001), R"("1999-12-31T23:59:59.998Z")");
    EXPECT_EQ(time_of(999), R"("2000-01-01T00:00:00.000Z")");
    EXPECT_EQ(time_of(59 * kDay), R"("2000-02-29T00:00:00.000Z")");
    EXPECT_EQ(time_of(-10957 * kDay), R"("1970-01-01T00:00:00.000Z")");
    EXPECT_EQ(time_of(9414 * kDay + 34'200 * kSecond + 1'999), R"("2025-10-10T09:30:00.001Z")");
}

TEST(JsonTimestamp, YearsOfMoreOrLessThanFourDigits)
{
    EXPECT_EQ(time_of(-730119 * kDay), R"("0001-01-01T00:00:00.000Z")");
    EXPECT_EQ(time_of(-730485 * kDay), R"("0000-01-01T00:00:00.000Z")");
    EXPECT_EQ(time_of(-730486 * kDay), R"("-000001-12-31T00:00:00.000Z")");
    EXPECT_EQ(time_of(2921940 * kDay - 1), R"("9999-12-31T23:59:59.999Z")");
    EXPECT_EQ(time_of(2921940 * kDay), R"("+010000-01-01T00:00:00.000Z")");
}

TEST(JsonTimestamp, EveryDayOfFourCenturiesFollowsTheOneBefore)
{
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1900;
    int month = 1;
    int day = 1;
    for (std::int64_t at = -36524; at < 146097 - 36524; ++at) {
        char expected[64];
        std::snprintf(expected, sizeof expected, "\"%04d-%02d-%02dT00:00:00.000Z\"", year, month, day);
        ASSERT_EQ(time_of(at * kDay), expected);
        bool const is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (++day > kDays[month - 1] + (month == 2 && is_leap ? 1 : 0)) {
            day = 1;
            if (++month > 12) {
                month = 1;
                ++year;
            }
        }
    }
}

}  // namespace
}  // namespace wc::json
