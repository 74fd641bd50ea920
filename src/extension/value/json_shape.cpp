#include "extension/value/json_shape.hpp"

#include <array>
#include <string>

#include "extension/value/json_value.hpp"

namespace wc {
namespace {

// The text before the value of a member, `"id":` or `,"type":`, made from the attribute's name.
template <const auto &kNames, int kAttribute, bool kIsFirst>
struct Before {
    static constexpr auto kText = [] {
        std::array<char, std::char_traits<char>::length(kNames[kAttribute]) + (kIsFirst ? 3 : 4)> text{};
        std::size_t at = 0;
        if (!kIsFirst)
            text[at++] = ',';
        text[at++] = '"';
        for (const char *from = kNames[kAttribute]; *from != '\0'; ++from)
            text[at++] = *from;
        text[at++] = '"';
        text[at++] = ':';
        return text;
    }();
    static constexpr std::string_view kView{kText.data(), kText.size()};
};

template <const auto &kNames, int kFirst, int... kOthers>
constexpr Field kFields[] = {{kFirst, Before<kNames, kFirst, true>::kView},
                             {kOthers, Before<kNames, kOthers, false>::kView}...};

// An item that shows these attributes, in this order.
template <const auto &kNames, int... kAttributes>
constexpr ItemShape kShape{kFields<kNames, kAttributes...>, sizeof...(kAttributes)};

}  // namespace

const ItemShape kStudentItem = kShape<student::kNames, student::Id, student::FirstName, student::LastName,
                                      student::StudentNumber, student::DateOfBirth, student::Gender>;
const ItemShape kAllergyItem =
    kShape<allergy::kNames, allergy::Id, allergy::Allergen, allergy::Severity, allergy::Reaction, allergy::Treatment,
           allergy::Verified, allergy::VerifiedBy, allergy::VerifiedAt, allergy::CreatedAt, allergy::UpdatedAt>;
const ItemShape kVitalItem =
    kShape<record::kNames, record::Id, record::Date, record::Vital, record::Type, record::Provider>;
const ItemShape kVaccinationItem = kShape<record::kNames, record::Id, record::Type, record::Date, record::Description,
                                          record::Provider, record::Notes>;
const ItemShape kConditionItem =
    kShape<condition::kNames, condition::Id, condition::Condition, condition::DiagnosedDate, condition::Status,
           condition::Severity, condition::Notes, condition::CarePlan, condition::Medications, condition::Restrictions,
           condition::Triggers, condition::DiagnosedBy, condition::LastReviewDate, condition::NextReviewDate,
           condition::CreatedAt, condition::UpdatedAt>;
const ItemShape kRecordItem =
    kShape<record::kNames, record::Id, record::Type, record::Date, record::Description, record::Vital, record::Provider,
           record::Notes, record::Attachments, record::CreatedAt, record::UpdatedAt>;
const ItemShape kRecordStudentItem =
    kShape<student::kNames, student::Id, student::FirstName, student::LastName, student::StudentNumber>;

void write_members(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row)
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
    out.append('{');
    write_members(out, shape, table, row);
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
