// The four entities that the extension reads, and their attributes.  The binding (binding.hpp) says which table and
// column of the application holds which.
#pragma once
#include <cstdint>

namespace wc {

enum class Entity : std::uint8_t { Students, HealthRecords, Allergies, ChronicConditions };
inline constexpr int kEntities = 4;

inline constexpr const char *kEntityNames[kEntities] = {"students", "health_records", "allergies",
                                                        "chronic_conditions"};

/// The kinds of attributes; column_kind.hpp says which types of columns can hold each kind.
enum class Kind : std::uint8_t { Id, Student, Text, Label, Time, Boolean, Json, List };

/// Attributes are numbered by entity; the numbers are positions in the entity's list of names.
namespace student {
enum Attribute { Id, FirstName, LastName, StudentNumber, DateOfBirth, Gender, Grade, IsActive, kCount };
inline constexpr const char *kNames[kCount] = {"id",          "firstName", "lastName", "studentNumber",
                                               "dateOfBirth", "gender",    "grade",    "isActive"};
inline constexpr Kind kKinds[kCount] = {Kind::Id,   Kind::Text,  Kind::Text, Kind::Text,
                                        Kind::Time, Kind::Label, Kind::Text, Kind::Boolean};
/// Summaries need only the first kSummaryCount attributes.
inline constexpr int kSummaryCount = Gender + 1;
}  // namespace student

namespace record {
enum Attribute {
    Id,
    StudentId,
    Type,
    Date,
    Description,
    Vital,
    Provider,
    Notes,
    Attachments,
    CreatedAt,
    UpdatedAt,
    kCount
};
inline constexpr const char *kNames[kCount] = {"id",          "studentId", "type",     "date",
                                               "description", "vital",     "provider", "notes",
                                               "attachments", "createdAt", "updatedAt"};
inline constexpr Kind kKinds[kCount] = {Kind::Id,   Kind::Student, Kind::Label, Kind::Time, Kind::Text, Kind::Json,
                                        Kind::Text, Kind::Text,    Kind::List,  Kind::Time, Kind::Time};
/// Summaries read only the first kSummaryCount attributes; they work without the other columns and without privileges
/// on them.
inline constexpr int kSummaryCount = Notes + 1;
}  // namespace record

namespace allergy {
enum Attribute {
    Id,
    StudentId,
    Allergen,
    Severity,
    Reaction,
    Treatment,
    Verified,
    VerifiedBy,
    VerifiedAt,
    CreatedAt,
    UpdatedAt,
    kCount
};
inline constexpr const char *kNames[kCount] = {"id",         "studentId", "allergen", "severity",
                                               "reaction",   "treatment", "verified", "verifiedBy",
                                               "verifiedAt", "createdAt", "updatedAt"};
inline constexpr Kind kKinds[kCount] = {Kind::Id,      Kind::Student, Kind::Text, Kind::Label, Kind::Text, Kind::Text,
                                        Kind::Boolean, Kind::Text,    Kind::Time, Kind::Time,  Kind::Time};
}  // namespace allergy

namespace condition {
enum Attribute {
    Id,
    StudentId,
    Condition,
    DiagnosedDate,
    Status,
    Severity,
    Notes,
    CarePlan,
    Medications,
    Restrictions,
    Triggers,
    DiagnosedBy,
    LastReviewDate,
    NextReviewDate,
    CreatedAt,
    UpdatedAt,
    kCount
};
inline constexpr const char *kNames[kCount] = {
    "id",        "studentId",   "condition",    "diagnosedDate", "status",      "severity",       "notes",
    "carePlan",  "medications", "restrictions", "triggers",      "diagnosedBy", "lastReviewDate", "nextReviewDate",
    "createdAt", "updatedAt"};
inline constexpr Kind kKinds[kCount] = {Kind::Id,   Kind::Student, Kind::Text, Kind::Time, Kind::Label, Kind::Label,
                                        Kind::Text, Kind::Text,    Kind::List, Kind::List, Kind::List,  Kind::Text,
                                        Kind::Time, Kind::Time,    Kind::Time, Kind::Time};
}  // namespace condition

inline constexpr int kMaxAttributes = condition::kCount;

struct AttributeList {
    const char *const *names;
    const Kind *kinds;
    int count;
};

constexpr AttributeList attributes(Entity entity) noexcept
{
    switch (entity) {
        case Entity::Students: return {student::kNames, student::kKinds, student::kCount};
        case Entity::HealthRecords: return {record::kNames, record::kKinds, record::kCount};
        case Entity::Allergies: return {allergy::kNames, allergy::kKinds, allergy::kCount};
        case Entity::ChronicConditions: return {condition::kNames, condition::kKinds, condition::kCount};
    }
    return {nullptr, nullptr, 0};
}

/// Returns how many of an entity's attributes must have a column.  Only functions that ask for the others need those.
constexpr int needed_attributes(Entity entity) noexcept
{
    switch (entity) {
        case Entity::Students: return student::kSummaryCount;
        case Entity::HealthRecords: return record::kSummaryCount;
        case Entity::Allergies: return allergy::kCount;
        case Entity::ChronicConditions: return condition::kCount;
    }
    return 0;
}

/// Whether an attribute may have no column; the binding does not name it then.
constexpr bool is_optional(Entity entity, int attribute) noexcept
{
    return entity == Entity::Students && attribute == student::IsActive;
}

/// Returns the attribute that holds the student's id in an entity's table.
constexpr int student_attribute(Entity entity) noexcept
{
    switch (entity) {
        case Entity::Students: return student::Id;
        case Entity::HealthRecords: return record::StudentId;
        case Entity::Allergies: return allergy::StudentId;
        case Entity::ChronicConditions: return condition::StudentId;
    }
    return 0;
}

}  // namespace wc
