// Growth references: how a measure is distributed among children of one sex and age.
//
// CDC 2000 (Kuczmarski et al., Vital and Health Statistics 11(246), 2002) for 2 to 20 years, compiled in, with CDC's
// extension of 2022 for BMI above the 95th percentile; other references come as a series of points.
// All functions are pure and thread-safe.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wc::growth {

inline constexpr double kDaysPerMonth = 30.4375;

enum class Measure : std::uint8_t { Bmi, Height, Weight };  // kg/m², cm, kg
enum class Sex : std::uint8_t { Male, Female, Other };      // no reference knows Other

/// The parameters of Cole & Green's LMS method (Statistics in Medicine 11, 1992): power, |L| ≤ 100; median, M > 0;
/// coefficient of variation, 0 < S ≤ 1.
struct Lms {
    double l;
    double m;
    double s;
};

/// The distribution at one age of one sex.
struct Norm {
    Lms lms;
    /// The spread of the half-normal that takes the place of LMS above P95 (extended BMI); 0: LMS throughout.
    double sigma = 0;
};

/// Points of CDC 2000: 24, 24.5, 25.5, … 239.5, 240 months.
inline constexpr int kCdcPoints = 218;
inline constexpr double kCdcFirstAge = 24;
inline constexpr double kCdcEndAge = 240;

/// The age of a point in months, 0 ≤ point < kCdcPoints.
double cdc_age(int point) noexcept;
/// The distribution at a point.  The sex is male or female.
Norm cdc_point(Measure measure, Sex sex, int point) noexcept;

/// The distribution at an age, L, M and S interpolated linearly between points.  False where there is none: outside
/// 24 ≤ age < 240 months, for an age that is not a number, for a sex other than male and female.
bool cdc_norm(Measure measure, Sex sex, double age_months, Norm &norm) noexcept;

/// Points of a reference of one's own, ages ascending.
struct Point {
    double age_months;
    Lms lms;
};

/// The same from `count` points: false before the first and after the last.
bool norm_between(const Point *points, std::size_t count, double age_months, Norm &norm) noexcept;

/// "bmi", "height", "weight", in upper or lower case; false for anything else.
bool parse_measure(std::string_view text, Measure &measure) noexcept;
std::string_view name(Measure measure) noexcept;

/// "male" and "female"; "other" and "prefer_not_to_say" are Other; in upper or lower case; false for anything else.
bool parse_sex(std::string_view text, Sex &sex) noexcept;
std::string_view name(Sex sex) noexcept;

}  // namespace wc::growth
