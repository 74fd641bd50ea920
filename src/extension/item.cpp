#include "extension/item.hpp"

#include "extension/json_value.hpp"

namespace wc {
namespace {

constexpr Field kStudentFields[] = {
    {student::Id, R"({"id":)"},
    {student::FirstName, R"(,"firstName":)"},
    {student::LastName, R"(,"lastName":)"},
    {student::StudentNumber, R"(,"studentNumber":)"},
    {student::DateOfBirth, R"(,"dateOfBirth":)"},
    {student::Gender, R"(,"gender":)"},
};

constexpr Field kAllergyFields[] = {
    {allergy::Id, R"({"id":)"},
    {allergy::Allergen, R"(,"allergen":)"},
    {allergy::Severity, R"(,"severity":)"},
    {allergy::Reaction, R"(,"reaction":)"},
    {allergy::Treatment, R"(,"treatment":)"},
    {allergy::Verified, R"(,"verified":)"},
    {allergy::VerifiedBy, R"(,"verifiedBy":)"},
    {allergy::VerifiedAt, R"(,"verifiedAt":)"},
    {allergy::CreatedAt, R"(,"createdAt":)"},
    {allergy::UpdatedAt, R"(,"updatedAt":)"},
};

constexpr Field kVitalFields[] = {
    {record::Id, R"({"id":)"},     {record::Date, R"(,"date":)"},         {record::Vital, R"(,"vital":)"},
    {record::Type, R"(,"type":)"}, {record::Provider, R"(,"provider":)"},
};

constexpr Field kVaccinationFields[] = {
    {record::Id, R"({"id":)"},
    {record::Type, R"(,"type":)"},
    {record::Date, R"(,"date":)"},
    {record::Description, R"(,"description":)"},
    {record::Provider, R"(,"provider":)"},
    {record::Notes, R"(,"notes":)"},
};

constexpr Field kConditionFields[] = {
    {condition::Id, R"({"id":)"},
    {condition::Condition, R"(,"condition":)"},
    {condition::DiagnosedDate, R"(,"diagnosedDate":)"},
    {condition::Status, R"(,"status":)"},
    {condition::Severity, R"(,"severity":)"},
    {condition::Notes, R"(,"notes":)"},
    {condition::CarePlan, R"(,"carePlan":)"},
    {condition::Medications, R"(,"medications":)"},
    {condition::Restrictions, R"(,"restrictions":)"},
    {condition::Triggers, R"(,"triggers":)"},
    {condition::DiagnosedBy, R"(,"diagnosedBy":)"},
    {condition::LastReviewDate, R"(,"lastReviewDate":)"},
    {condition::NextReviewDate, R"(,"nextReviewDate":)"},
    {condition::CreatedAt, R"(,"createdAt":)"},
    {condition::UpdatedAt, R"(,"updatedAt":)"},
};

constexpr Field kRecordFields[] = {
    {record::Id, R"({"id":)"},
    {record::Type, R"(,"type":)"},
    {record::Date, R"(,"date":)"},
    {record::Description, R"(,"description":)"},
    {record::Vital, R"(,"vital":)"},
    {record::Provider, R"(,"provider":)"},
    {record::Notes, R"(,"notes":)"},
    {record::Attachments, R"(,"attachments":)"},
    {record::CreatedAt, R"(,"createdAt":)"},
    {record::UpdatedAt, R"(,"updatedAt":)"},
};

constexpr Field kRecordStudentFields[] = {
    {student::Id, R"({"id":)"},
    {student::FirstName, R"(,"firstName":)"},
    {student::LastName, R"(,"lastName":)"},
    {student::StudentNumber, R"(,"studentNumber":)"},
};

}  // namespace

const ItemShape kStudentItem{kStudentFields, lengthof(kStudentFields)};
const ItemShape kAllergyItem{kAllergyFields, lengthof(kAllergyFields)};
const ItemShape kVitalItem{kVitalFields, lengthof(kVitalFields)};
const ItemShape kVaccinationItem{kVaccinationFields, lengthof(kVaccinationFields)};
const ItemShape kConditionItem{kConditionFields, lengthof(kConditionFields)};
const ItemShape kRecordItem{kRecordFields, lengthof(kRecordFields)};
const ItemShape kRecordStudentItem{kRecordStudentFields, lengthof(kRecordStudentFields)};

void write_fields(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row)
{
    for (int i = 0; i < shape.count; ++i) {
        const Field &field = shape.fields[i];
        out.append(field.before);
        if (row.nulls[field.attribute])
            json::write_null(out);
        else
            write_value(out, row.values[field.attribute], table.columns[field.attribute].type);
    }
}

void write_item(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row)
{
    write_fields(out, shape, table, row);
    out.append('}');
}

void write_items(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const RowList &list)
{
    out.append('[');
    for (int i = 0; i < list.count; ++i) {
        if (i != 0)
            out.append(',');
        write_item(out, shape, table, list.rows[i]);
    }
    out.append(']');
}

}  // namespace wc
