#include "core/vitals/unit.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

namespace wc::vitals {
namespace {

using namespace std::string_view_literals;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInch = 2.54;
constexpr double kFoot = 12 * kInch;
constexpr double kPound = 0.45359237;
constexpr double kOunce = kPound / 16;

// value in the own unit = (value - zero) * factor
struct Unit {
    std::string_view spelling;  // in lower case
    double factor;
    double zero = 0;
};

// UCUM's codes too, which FHIR uses: [in_i], [lb_av], Cel.
constexpr Unit kHeight[] = {
    {"cm"sv, 1},           {"cms"sv, 1},           {"centimeter"sv, 1},
    {"centimeters"sv, 1},  {"centimetre"sv, 1},    {"centimetres"sv, 1},
    {"mm"sv, 0.1},         {"millimeter"sv, 0.1},  {"millimeters"sv, 0.1},
    {"millimetre"sv, 0.1}, {"millimetres"sv, 0.1}, {"m"sv, 100},
    {"meter"sv, 100},      {"meters"sv, 100},      {"metre"sv, 100},
    {"metres"sv, 100},     {"in"sv, kInch},        {"ins"sv, kInch},
    {"inch"sv, kInch},     {"inches"sv, kInch},    {"\""sv, kInch},
    {"''"sv, kInch},       {"\u2033"sv, kInch},    {"\u201d"sv, kInch},
    {"[in_i]"sv, kInch},   {"[in_us]"sv, kInch},   {"ft"sv, kFoot},
    {"foot"sv, kFoot},     {"feet"sv, kFoot},      {"'"sv, kFoot},
    {"\u2032"sv, kFoot},   {"\u2019"sv, kFoot},    {"[ft_i]"sv, kFoot},
    {"[ft_us]"sv, kFoot},
};
constexpr Unit kWeight[] = {
    {"kg"sv, 1},        {"kgs"sv, 1},        {"kilo"sv, 1},        {"kilos"sv, 1},        {"kilogram"sv, 1},
    {"kilograms"sv, 1}, {"g"sv, 0.001},      {"gram"sv, 0.001},    {"grams"sv, 0.001},    {"lb"sv, kPound},
    {"lbs"sv, kPound},  {"pound"sv, kPound}, {"pounds"sv, kPound}, {"[lb_av]"sv, kPound}, {"oz"sv, kOunce},
    {"ozs"sv, kOunce},  {"ounce"sv, kOunce}, {"ounces"sv, kOunce}, {"[oz_av]"sv, kOunce},
};
constexpr Unit kTemperature[] = {
    {"c"sv, 1},
    {"\u00b0c"sv, 1},
    {"\u2103"sv, 1},
    {"deg c"sv, 1},
    {"degc"sv, 1},
    {"cel"sv, 1},
    {"celsius"sv, 1},
    {"degrees celsius"sv, 1},
    {"f"sv, 5.0 / 9, 32},
    {"\u00b0f"sv, 5.0 / 9, 32},
    {"\u2109"sv, 5.0 / 9, 32},
    {"deg f"sv, 5.0 / 9, 32},
    {"degf"sv, 5.0 / 9, 32},
    {"[degf]"sv, 5.0 / 9, 32},
    {"fahrenheit"sv, 5.0 / 9, 32},
    {"degrees fahrenheit"sv, 5.0 / 9, 32},
};
constexpr Unit kBmi[] = {{"kg/m2"sv, 1}, {"kg/m^2"sv, 1}, {"kg/m\u00b2"sv, 1}};
constexpr Unit kPressure[] = {{"mmhg"sv, 1}, {"mm hg"sv, 1}, {"mm[hg]"sv, 1}};
constexpr Unit kRate[] = {{"bpm"sv, 1},         {"/min"sv, 1},         {"per minute"sv, 1},    {"beats/min"sv, 1},
                          {"breaths/min"sv, 1}, {"beats/minute"sv, 1}, {"breaths/minute"sv, 1}};
constexpr Unit kSaturation[] = {{"%"sv, 1}, {"percent"sv, 1}};

struct Units {
    const Unit *first;
    const Unit *last;
};

template <std::size_t N>
constexpr Units all_of(const Unit (&units)[N])
{
    return {units, units + N};
}

Units units_of(Quantity quantity) noexcept
{
    switch (quantity) {
        case Quantity::Height: return all_of(kHeight);
        case Quantity::Weight: return all_of(kWeight);
        case Quantity::Temperature: return all_of(kTemperature);
        case Quantity::Bmi: return all_of(kBmi);
        case Quantity::Pressure: return all_of(kPressure);
        case Quantity::Rate: return all_of(kRate);
        case Quantity::Saturation: return all_of(kSaturation);
    }
    return {};
}

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

bool is_spelt(std::string_view text, std::string_view spelling) noexcept
{
    return std::equal(text.begin(), text.end(), spelling.begin(), spelling.end(), [](char given, char known) {
        return (given >= 'A' && given <= 'Z' ? given - 'A' + 'a' : given) == known;
    });
}

const Unit *find_unit(Quantity quantity, std::string_view text) noexcept
{
    text = trimmed(text);
    if (!text.empty() && text.back() == '.')
        text.remove_suffix(1);
    Units const units = units_of(quantity);
    const Unit *const found =
        std::find_if(units.first, units.last, [&](const Unit &unit) { return is_spelt(text, unit.spelling); });
    return found == units.last ? nullptr : found;
}

double converted(const Unit &unit, double value) noexcept { return (value - unit.zero) * unit.factor; }

// Without a sign, and nothing but digits and a point: neither "inf" nor "1e3".
bool take_number(std::string_view &text, double &number) noexcept
{
    text = trimmed(text);
    if (text.empty() || !is_digit(text.front()))
        return false;
    auto const read = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (read.ec != std::errc{})
        return false;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return true;
}

// Feet and inches, pounds and ounces: how many of the small make one of the large; 0 for what nobody writes together.
double small_in_large(const Unit &large, const Unit &small) noexcept
{
    if (large.factor == kFoot && small.factor == kInch)
        return 12;
    return large.factor == kPound && small.factor == kOunce ? 16 : 0;
}

}  // namespace

bool parse_vital(std::string_view name, Quantity &quantity) noexcept
{
    struct Vital {
        std::string_view name;
        Quantity quantity;
    };
    constexpr Vital kVitals[] = {{"temperature"sv, Quantity::Temperature},
                                 {"bloodPressureSystolic"sv, Quantity::Pressure},
                                 {"bloodPressureDiastolic"sv, Quantity::Pressure},
                                 {"heartRate"sv, Quantity::Rate},
                                 {"respiratoryRate"sv, Quantity::Rate},
                                 {"oxygenSaturation"sv, Quantity::Saturation},
                                 {"height"sv, Quantity::Height},
                                 {"weight"sv, Quantity::Weight},
                                 {"bmi"sv, Quantity::Bmi}};
    for (const Vital &vital : kVitals) {
        if (vital.name == name) {
            quantity = vital.quantity;
            return true;
        }
    }
    return false;
}

double in_own_unit(Quantity quantity, double value, std::string_view unit) noexcept
{
    if (trimmed(unit).empty())
        return value;
    const Unit *const known = find_unit(quantity, unit);
    return known == nullptr ? kNone : converted(*known, value);
}

double parse_with_unit(Quantity quantity, std::string_view text, std::string_view beside) noexcept
{
    double value = 0;
    if (!take_number(text, value))
        return kNone;
    text = trimmed(text);
    beside = trimmed(beside);
    const Unit *const said = beside.empty() ? nullptr : find_unit(quantity, beside);
    if (!beside.empty() && said == nullptr)
        return kNone;
    if (text.empty())
        return said == nullptr ? kNone : converted(*said, value);
    const Unit *unit = find_unit(quantity, text);
    double result = kNone;
    if (unit != nullptr) {
        result = converted(*unit, value);
    } else {
        auto const second = std::find_if(text.begin(), text.end(), is_digit);
        auto const length = static_cast<std::size_t>(second - text.begin());
        unit = find_unit(quantity, text.substr(0, length));
        text.remove_prefix(length);
        double small_value = 0;
        if (unit == nullptr || !take_number(text, small_value))
            return kNone;
        const Unit *const small = find_unit(quantity, text);
        if (small == nullptr || !(small_value < small_in_large(*unit, *small)))
            return kNone;
        result = converted(*unit, value) + converted(*small, small_value);
    }
    bool const agrees = said == nullptr || (said->factor == unit->factor && said->zero == unit->zero);
    return agrees ? result : kNone;
}

}  // namespace wc::vitals
