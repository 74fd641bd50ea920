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
    /// The spread of the half-normal distribution that replaces LMS above P95 (extended BMI); 0: LMS everywhere.
    double sigma = 0;
};

/// Points of CDC 2000: 24, 24.5, 25.5, … 239.5, 240 months.
inline constexpr int kCdcPoints = 218;
inline constexpr double kCdcFirstAge = 24;
inline constexpr double kCdcEndAge = 240;

/// Returns the age of a point in months, 0 ≤ point < kCdcPoints.
double cdc_age(int point) noexcept;
/// Returns the distribution at a point.  REQUIRES: the sex is male or female.
Norm cdc_point(Measure measure, Sex sex, int point) noexcept;

/// Finds the distribution at an age; L, M and S are interpolated linearly between points.  Returns false outside
/// 24 ≤ age < 240 months, for an age that is not a number, and for a sex other than male and female.
bool cdc_norm(Measure measure, Sex sex, double age_months, Norm &norm) noexcept;

/// The points of a reference that the caller brings, ages ascending.
struct Point {
    double age_months;
    Lms lms;
};

/// Finds the distribution at an age among `count` points, interpolated like cdc_norm().  Returns false before the first
/// point and after the last.
bool norm_between(const Point *points, std::size_t count, double age_months, Norm &norm) noexcept;

/// Reads "bmi", "height" or "weight", in upper or lower case.  Returns false for anything else.
bool parse_measure(std::string_view text, Measure &measure) noexcept;
std::string_view name(Measure measure) noexcept;

/// How a sex may be written, in upper or lower case, with white space around it: the words of this project, of FHIR and
/// of HL7 v2.
struct SexSpelling {
    std::string_view text;
    Sex sex;
};
inline constexpr SexSpelling kSexSpellings[] = {
    {"male", Sex::Male},      {"m", Sex::Male},  {"female", Sex::Female},           {"f", Sex::Female},
    {"other", Sex::Other},    {"o", Sex::Other}, {"prefer_not_to_say", Sex::Other}, {"x", Sex::Other},
    {"unknown", Sex::Other},  {"u", Sex::Other}, {"diverse", Sex::Other},           {"non-binary", Sex::Other},
    {"nonbinary", Sex::Other}};

/// Reads one of those spellings.  For anything else `sex` becomes Other and the answer is false.
bool parse_sex(std::string_view text, Sex &sex) noexcept;
std::string_view name(Sex sex) noexcept;

}  // namespace wc::growth
