#include "core/time/iso_time.hpp"

#include <limits>

namespace wc::time {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// The part of the text that is not read yet.
class Rest {
public:
    explicit Rest(std::string_view text) noexcept : text_(text) {}

    bool is_empty() const noexcept { return text_.empty(); }

    bool take(char wanted) noexcept
    {
        if (text_.empty() || text_.front() != wanted)
            return false;
        text_.remove_prefix(1);
        return true;
    }

    bool take_digit(int &digit) noexcept
    {
        if (text_.empty() || text_.front() < '0' || text_.front() > '9')
            return false;
        digit = text_.front() - '0';
        text_.remove_prefix(1);
        return true;
    }

    // Takes a number with exactly `digits` digits.
    bool take_number(int digits, int &number) noexcept
    {
        number = 0;
        for (int i = 0; i < digits; ++i) {
            int digit = 0;
            if (!take_digit(digit))
                return false;
            number = 10 * number + digit;
        }
        return true;
    }

private:
    std::string_view text_;
};

bool is_leap_year(int year) noexcept { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_of_month(int year, int month) noexcept
{
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : kDays[month - 1];
}

// Returns the days since 2000-01-01 in the proleptic Gregorian calendar.
std::int64_t days_since_epoch(int year, int month, int day) noexcept
{
    // Count years from 1 March, so that the leap day is the last day of a year, and count eras of 400 years.
    std::int64_t const shifted = month <= 2 ? year - 1 : year;
    std::int64_t const era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    std::int64_t const year_of_era = shifted - era * 400;
    std::int64_t const day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    std::int64_t const day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 730425;  // from 0000-03-01 to 2000-01-01
}

bool take_date(Rest &rest, std::int64_t &days) noexcept
{
    int year = 0;
    bool const is_negative = rest.take('-');
    if (is_negative || rest.take('+')) {
        if (!rest.take_number(6, year) || (is_negative && year == 0))
            return false;
        int seventh = 0;
        if (rest.take_digit(seventh)) {
            year = 10 * year + seventh;
            if (year <= 999'999)
                return false;
        }
        year = is_negative ? -year : year;
    } else if (!rest.take_number(4, year)) {
        return false;
    }
    int month = 0;
    int day = 0;
    if (!rest.take('-') || !rest.take_number(2, month) || month < 1 || month > 12)
        return false;
    if (!rest.take('-') || !rest.take_number(2, day) || day < 1 || day > days_of_month(year, month))
        return false;
    days = days_since_epoch(year, month, day);
    return true;
}

bool take_fraction(Rest &rest, std::int64_t &microseconds) noexcept
{
    int digit = 0;
    if (!rest.take_digit(digit))
        return false;
    std::int64_t unit = kSecond / 10;
    do {
        microseconds += digit * unit;
        unit /= 10;
    } while (rest.take_digit(digit));
    return true;
}

bool take_time(Rest &rest, std::int64_t &microseconds) noexcept
{
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    std::int64_t fraction = 0;
    if (!rest.take_number(2, hours) || hours > 23 || !rest.take(':') || !rest.take_number(2, minutes) || minutes > 59)
        return false;
    if (rest.take(':')) {
        if (!rest.take_number(2, seconds) || seconds > 59)
            return false;
        if (rest.take('.') && !take_fraction(rest, fraction))
            return false;
    }
    microseconds = (hours * 60 + minutes) * kMinute + seconds * kSecond + fraction;
    return true;
}

// Takes a time zone: by how many microseconds it is ahead of UTC.
bool take_zone(Rest &rest, std::int64_t &ahead) noexcept
{
    ahead = 0;
    if (rest.is_empty() || rest.take('Z'))
        return true;
    bool const is_behind = rest.take('-');
    if (!is_behind && !rest.take('+'))
        return false;
    int hours = 0;
    int minutes = 0;
    if (!rest.take_number(2, hours) || hours > 23)
        return false;
    bool const has_minutes = rest.take(':') || !rest.is_empty();
    if (has_minutes && (!rest.take_number(2, minutes) || minutes > 59))
        return false;
    ahead = (hours * 60 + minutes) * (is_behind ? -kMinute : kMinute);
    return true;
}

}  // namespace

bool parse_iso_time(std::string_view text, std::int64_t &day, std::int64_t &of_day) noexcept
{
    Rest rest(text);
    of_day = 0;
    if (!take_date(rest, day))
        return false;
    if (rest.is_empty())
        return true;
    std::int64_t ahead = 0;
    if ((!rest.take('T') && !rest.take(' ')) || !take_time(rest, of_day) || !take_zone(rest, ahead) || !rest.is_empty())
        return false;
    of_day -= ahead;
    if (of_day < 0) {
        of_day += kDay;
        --day;
    } else if (of_day >= kDay) {
        of_day -= kDay;
        ++day;
    }
    return true;
}

bool parse_iso_time(std::string_view text, std::int64_t &microseconds) noexcept
{
    constexpr std::int64_t kFurthestDay = std::numeric_limits<std::int64_t>::max() / kDay - 1;
    std::int64_t day = 0;
    std::int64_t of_day = 0;
    if (!parse_iso_time(text, day, of_day) || day > kFurthestDay || day < -kFurthestDay)
        return false;
    microseconds = day * kDay + of_day;
    return true;
}

bool is_iso_day(std::string_view text) noexcept
{
    Rest rest(text);
    std::int64_t day = 0;
    return take_date(rest, day) && rest.is_empty();
}

}  // namespace wc::time
