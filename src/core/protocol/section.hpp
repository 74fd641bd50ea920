// The sections of a student's data that a change touches, and the cached values that become stale by it.  The extension
// writes these bits into the queue, and the worker reads them there.
#pragma once
#include <cstdint>

namespace wc::cache {

/// A section that a change touched: a bit of white_cross.invalidation.sections (smallint).  Never renumber them.
enum Section : std::uint16_t {
    kStudent = 1 << 0,            ///< a row of students
    kHealthRecords = 1 << 1,      ///< a row of health_records
    kAllergies = 1 << 2,          ///< a row of allergies
    kChronicConditions = 1 << 3,  ///< a row of chronic_conditions
    kGrowth = 1 << 4,  ///< what a growth chart shows: birth date, sex, a record's vital, its date, type or createdAt
};
using Sections = std::uint16_t;

/// A bit beside the sections: nothing changed, and the worker builds the student's cached values now.
inline constexpr Sections kPrewarm = 1 << 5;

inline constexpr Sections kAllSections = kStudent | kHealthRecords | kAllergies | kChronicConditions | kGrowth;

/// A kind of cached value of a student.  The library in Redis uses `1 << Kind` as a bit.  Never renumber them.
enum class Kind : std::uint8_t { HealthSummary, Records, GrowthChart };

inline constexpr Kind kKinds[] = {Kind::HealthSummary, Kind::Records, Kind::GrowthChart};

/// Returns the sections that a value of this kind is made from.  A change in any of them makes it stale.
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

/// Returns how long a value of this kind may live in the cache, in seconds.
constexpr int ttl_seconds(Kind kind) noexcept { return kind == Kind::GrowthChart ? 3600 : 300; }

}  // namespace wc::cache
