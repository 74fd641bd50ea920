// The application's tables as the extension thinks of them: four entities and their attributes.  Which
// table and column of the application stands for which is the binding's matter (binding.hpp).
#pragma once
#include <cstdint>

namespace wc {

enum class Entity : std::uint8_t { Students, HealthRecords, Allergies, ChronicConditions };
inline constexpr int kEntities = 4;

inline constexpr const char *kEntityNames[kEntities] = {"students", "health_records", "allergies",
                                                        "chronic_conditions"};

/// Attributes are numbered by entity; the numbers are positions in the entity's list of names.
namespace student {
enum Attribute { Id, FirstName, LastName, StudentNumber, DateOfBirth, Gender, Grade, kCount };
inline constexpr const char *kNames[kCount] = {"id",          "firstName", "lastName", "studentNumber",
                                               "dateOfBirth", "gender",    "grade"};
/// As for records: summaries need the first of them alone.
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
/// Summaries read the first of them; they need neither privileges on the others nor the others themselves.
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
}  // namespace condition

inline constexpr int kMaxAttributes = condition::kCount;

struct AttributeList {
    const char *const *names;
    int count;
};

constexpr AttributeList attributes(Entity entity) noexcept
{
    switch (entity) {
        case Entity::Students: return {student::kNames, student::kCount};
        case Entity::HealthRecords: return {record::kNames, record::kCount};
        case Entity::Allergies: return {allergy::kNames, allergy::kCount};
        case Entity::ChronicConditions: return {condition::kNames, condition::kCount};
    }
    return {nullptr, 0};
}

/// How many of an entity's attributes must be there for all but the functions that ask for the others.
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

/// The attribute that holds the id of the student in an entity's table.
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
