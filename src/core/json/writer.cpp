#include "core/json/writer.hpp"

#include <array>
#include <charconv>

namespace wc::json {
namespace {

constexpr std::array<char, 256> make_escapes()
{
    std::array<char, 256> escape{};
    for (int c = 0; c < 0x20; ++c)
        escape[c] = 'u';
    escape['\b'] = 'b';
    escape['\f'] = 'f';
    escape['\n'] = 'n';
    escape['\r'] = 'r';
    escape['\t'] = 't';
    escape['"'] = '"';
    escape['\\'] = '\\';
    return escape;
}

// What follows the backslash for a byte that needs one; 0 for all others.
constexpr std::array<char, 256> kEscape = make_escapes();

constexpr std::array<char, 200> make_pairs()
{
    std::array<char, 200> pairs{};
    for (std::size_t n = 0; n < 100; ++n) {
        pairs[2 * n] = static_cast<char>('0' + n / 10);
        pairs[2 * n + 1] = static_cast<char>('0' + n % 10);
    }
    return pairs;
}
constexpr std::array<char, 200> kPairs = make_pairs();

char *put_pair(char *to, std::size_t n) noexcept
{
    std::memcpy(to, &kPairs[2 * n], 2);
    return to + 2;
}

struct Date {
    std::int64_t year;
    unsigned month;
    unsigned day;
};

// Days since 1970-01-01 to the proleptic Gregorian calendar, counted in eras of 400 years that begin on
// 1 March, so that the leap day is the last of its year.
Date date_of(std::int64_t days) noexcept
{
    days += 719468;  // from 0000-03-01 to 1970-01-01
    std::int64_t const era = (days >= 0 ? days : days - 146096) / 146097;
    auto const day_of_era = static_cast<unsigned>(days - era * 146097);
    unsigned const year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned const day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned const march_month = (5 * day_of_year + 2) / 153;
    unsigned const month = march_month < 10 ? march_month + 3 : march_month - 9;
    return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
            day_of_year - (153 * march_month + 2) / 5 + 1};
}

constexpr std::int64_t kEpoch = 10957;  // days from 1970-01-01 to 2000-01-01
constexpr std::size_t kLongestTime = 40;

// With the opening quote.
char *put_date(char *to, const Date &date) noexcept
{
    *to++ = '"';
    if (date.year >= 0 && date.year <= 9999) {
        to = put_pair(to, static_cast<unsigned>(date.year) / 100);
        to = put_pair(to, static_cast<unsigned>(date.year) % 100);
    } else {
        auto const year = static_cast<unsigned>(date.year < 0 ? -date.year : date.year);
        *to++ = date.year < 0 ? '-' : '+';
        if (year > 999'999)
            *to++ = static_cast<char>('0' + year / 1'000'000);
        to = put_pair(to, year / 10000 % 100);
        to = put_pair(to, year / 100 % 100);
        to = put_pair(to, year % 100);
    }
    *to++ = '-';
    to = put_pair(to, date.month);
    *to++ = '-';
    return put_pair(to, date.day);
}

void write_time(Buffer &out, std::int64_t microseconds, bool is_exact)
{
    constexpr std::int64_t kDay = 86'400'000'000;
    std::int64_t days = microseconds / kDay;
    std::int64_t of_day = microseconds % kDay;
    if (of_day < 0) {
        of_day += kDay;
        --days;
    }
    auto const us = static_cast<unsigned>(of_day % 1000);
    auto const ms = static_cast<unsigned>(of_day / 1000);

    char *to = put_date(out.reserve(kLongestTime), date_of(days + kEpoch));
    *to++ = 'T';
    to = put_pair(to, ms / 3'600'000);
    *to++ = ':';
    to = put_pair(to, ms / 60'000 % 60);
    *to++ = ':';
    to = put_pair(to, ms / 1000 % 60);
    *to++ = '.';
    *to++ = static_cast<char>('0' + ms / 100 % 10);
    to = put_pair(to, ms % 100);
    if (is_exact && us != 0) {
        *to++ = static_cast<char>('0' + us / 100);
        to = put_pair(to, us % 100);
    }
    *to++ = 'Z';
    *to++ = '"';
    out.advance(to);
}

}  // namespace

void write_string(Buffer &out, std::string_view text)
{
    char *to = out.reserve(text.size() + 2);
    *to++ = '"';
    const char *from = text.data();
    const char *const end = from + text.size();
    for (;;) {
        const char *plain = from;
        while (plain != end && kEscape[static_cast<unsigned char>(*plain)] == 0)
            ++plain;
        std::memcpy(to, from, static_cast<std::size_t>(plain - from));
        to += plain - from;
        if (plain == end)
            break;
        // Six bytes for this one, and room for the rest as it is with its closing quote.
        out.advance(to);
        to = out.reserve(static_cast<std::size_t>(end - plain) + 6);
        auto const byte = static_cast<unsigned char>(*plain);
        *to++ = '\\';
        *to++ = kEscape[byte];
        if (kEscape[byte] == 'u') {
            constexpr char kHex[] = "0123456789abcdef";
            *to++ = '0';
            *to++ = '0';
            *to++ = kHex[byte >> 4];
            *to++ = kHex[byte & 15];
        }
        from = plain + 1;
    }
    *to++ = '"';
    out.advance(to);
}

void write_integer(Buffer &out, std::int64_t value)
{
    char *const to = out.reserve(20);
    out.advance(std::to_chars(to, to + 20, value).ptr);
}

void write_double(Buffer &out, double value)
{
    char *const to = out.reserve(32);
    out.advance(std::to_chars(to, to + 32, value).ptr);
}

void write_timestamp(Buffer &out, std::int64_t microseconds) { write_time(out, microseconds, false); }

void write_exact_timestamp(Buffer &out, std::int64_t microseconds) { write_time(out, microseconds, true); }

void write_day(Buffer &out, std::int32_t days)
{
    char *to = put_date(out.reserve(kLongestTime), date_of(std::int64_t{days} + kEpoch));
    constexpr std::string_view kMidnight = "T00:00:00.000Z\"";
    std::memcpy(to, kMidnight.data(), kMidnight.size());
    out.advance(to + kMidnight.size());
}

}  // namespace wc::json
