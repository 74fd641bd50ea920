#include "core/growth/reference.hpp"

#include <algorithm>

#include "core/growth/cdc_table.hpp"

namespace wc::growth {
namespace {

// The age of the second point, half a month after the first.  All later points are a month apart.
constexpr double kSecondAge = 24.5;
constexpr double kLastWholeAge = 239.5;

// The spread of CDC's extended BMI (Wei et al., Annals of Human Biology 47(6), 2020; adopted in 2022), a function of
// the age in years, by measure and sex.  Height and weight have zeros, which is faster than a branch that is hard to
// predict.
struct Spread {
    double constant, linear, square;
};
constexpr Spread kSpread[3][2] = {{{0.3728, 0.5196, -0.0091}, {0.8334, 0.3712, -0.0011}}};

double sigma(Measure measure, Sex sex, double age_months) noexcept
{
    const Spread &spread = kSpread[static_cast<std::size_t>(measure)][static_cast<std::size_t>(sex)];
    double const years = age_months / 12;
    return spread.constant + years * (spread.linear + spread.square * years);
}

const Lms *cdc_table(Measure measure, Sex sex) noexcept
{
    return kCdc[static_cast<std::size_t>(measure)][static_cast<std::size_t>(sex)];
}

Lms between(const Lms &a, const Lms &b, double share) noexcept
{
    return {a.l + share * (b.l - a.l), a.m + share * (b.m - a.m), a.s + share * (b.s - a.s)};
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same(std::string_view text, std::string_view lower_case) noexcept
{
    return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return lower(a) == b; });
}

}  // namespace

double cdc_age(int point) noexcept
{
    return point == 0 ? kCdcFirstAge : std::min(kSecondAge + (point - 1), kCdcEndAge);
}

Norm cdc_point(Measure measure, Sex sex, int point) noexcept
{
    return {cdc_table(measure, sex)[point], sigma(measure, sex, cdc_age(point))};
}

bool cdc_norm(Measure measure, Sex sex, double age_months, Norm &norm) noexcept
{
    if (!(age_months >= kCdcFirstAge && age_months < kCdcEndAge) || sex == Sex::Other)
        return false;
    int point = 0;
    double share = 0;
    if (age_months < kSecondAge) {
        share = (age_months - kCdcFirstAge) * 2;
    } else {
        int const months = static_cast<int>(age_months - kSecondAge);
        point = months + 1;
        share = age_months - kSecondAge - months;
        if (age_months >= kLastWholeAge)
            share *= 2;
    }
    const Lms *const table = cdc_table(measure, sex) + point;
    norm.lms = between(table[0], table[1], share);
    norm.sigma = sigma(measure, sex, age_months);
    return true;
}

bool norm_between(const Point *points, std::size_t count, double age_months, Norm &norm) noexcept
{
    if (count == 0 || !(age_months >= points[0].age_months && age_months <= points[count - 1].age_months))
        return false;
    norm.sigma = 0;
    const Point *const after = std::upper_bound(points, points + count, age_months,
                                                [](double age, const Point &point) { return age < point.age_months; });
    const Point &from = after[-1];
    if (after == points + count) {
        norm.lms = from.lms;
        return true;
    }
    norm.lms = between(from.lms, after->lms, (age_months - from.age_months) / (after->age_months - from.age_months));
    return true;
}

bool parse_measure(std::string_view text, Measure &measure) noexcept
{
    for (Measure const known : {Measure::Bmi, Measure::Height, Measure::Weight}) {
        if (same(text, name(known))) {
            measure = known;
            return true;
        }
    }
    return false;
}

std::string_view name(Measure measure) noexcept
{
    switch (measure) {
        case Measure::Bmi: return "bmi";
        case Measure::Height: return "height";
        case Measure::Weight: return "weight";
    }
    return "";
}

namespace {

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace

bool parse_sex(std::string_view text, Sex &sex) noexcept
{
    text = trimmed(text);
    for (const SexSpelling &spelling : kSexSpellings) {
        if (same(text, spelling.text)) {
            sex = spelling.sex;
            return true;
        }
    }
    sex = Sex::Other;
    return false;
}

std::string_view name(Sex sex) noexcept
{
    switch (sex) {
        case Sex::Male: return "male";
        case Sex::Female: return "female";
        case Sex::Other: return "other";
    }
    return "";
}

}  // namespace wc::growth
