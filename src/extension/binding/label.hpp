// Columns of labels, such as severity: an enum in Prisma's schema, text or varchar in others.
//
// Rows are ordered by the ranks of known labels (core/label/rank.hpp), whatever the column's type.  There are two ways:
// comparing rows that were read, and an SQL expression, which costs more, for rows that are streamed.  Tests check that
// both give the same order.
#pragma once
#include "core/label/rank.hpp"
#include "extension/binding/row.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace wc {

/// The values of a column that are a known label.
class LabelMatch {
public:
    LabelMatch() = default;  // matches no value
    LabelMatch(const BoundColumn &column, std::string_view name);

    bool has(Datum value) const;

    /// Appends the SQL condition that `expression` is the label.  The caller binds `parameter`, of the column's type,
    /// to parameter_value().  A literal would be wrong: a kept plan would keep the enum value that had the name when
    /// the query was planned.
    void append_condition(StringInfo query, const char *expression, const char *parameter) const;
    Datum parameter_value() const noexcept { return is_one() ? ObjectIdGetDatum(value_) : Datum{0}; }
    char parameter_null() const noexcept { return is_one() ? ' ' : 'n'; }

private:
    bool is_one() const noexcept { return is_enum_ && count_ == 1; }

    std::string_view name_{};
    bool is_enum_ = true;
    int count_ = 0;           // for an enum: how many of its labels are spellings of the label
    Oid value_ = InvalidOid;  // the value of one of them
};

/// Sorts allergies, the most severe first: known severities by rank, then others in the column's descending order, then
/// NULL; within one severity by allergen and id.
void sort_allergies(const BoundTable &table, RowList &list);

/// Sorts conditions: known statuses by rank, then others, then NULL; within one status by condition and id.
void sort_conditions(const BoundTable &table, RowList &list);

/// Append the same orders as lists of SQL expressions, which follow ORDER BY.  `alias` is the table's.
void append_allergy_order(StringInfo query, const BoundTable &table, const char *alias);
void append_condition_order(StringInfo query, const BoundTable &table, const char *alias);

}  // namespace wc
