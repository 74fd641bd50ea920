// What changed of a student, and which cached values that makes stale.  The extension writes these
// bits into the queue, the worker reads them there: the one place where both agree.
#pragma once
#include <cstdint>

namespace wc::cache {

/// What a change touched.  Bits of white_cross.invalidation.sections (smallint); never renumber.
enum Section : std::uint16_t {
    kStudent = 1 << 0,            ///< a row of students
    kHealthRecords = 1 << 1,      ///< a row of health_records
    kAllergies = 1 << 2,          ///< a row of allergies
    kChronicConditions = 1 << 3,  ///< a row of chronic_conditions
    kGrowth = 1 << 4,             ///< what a growth chart shows: birth date, sex, a record's vital, its date or type
};
using Sections = std::uint16_t;

/// Beside them: nothing changed, but what is cached of the student is to be built now.
inline constexpr Sections kPrewarm = 1 << 5;

inline constexpr Sections kAllSections = kStudent | kHealthRecords | kAllergies | kChronicConditions | kGrowth;

/// What is cached of a student.  The values are positions in kKinds.
enum class Kind : std::uint8_t { HealthSummary, Records, GrowthChart };

/// The sections a value of this kind is made from: a change in any of them makes it stale.
constexpr Sections sources(Kind kind) noexcept
{
    switch (kind) {
        case Kind::HealthSummary: return kStudent | kHealthRecords | kAllergies;
        case Kind::Records: return kStudent | kHealthRecords;
        case Kind::GrowthChart: return kGrowth;
    }
    return kAllSections;
}

constexpr bool is_stale(Kind kind, Sections changed) noexcept { return (sources(kind) & changed) != 0; }

/// How long a value of this kind may live in the cache, in seconds.
constexpr int ttl_seconds(Kind kind) noexcept { return kind == Kind::GrowthChart ? 3600 : 300; }

}  // namespace wc::cache
