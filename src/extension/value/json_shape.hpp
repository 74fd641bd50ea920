// Rows as JSON objects: which attributes each kind of item shows, and in which order.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"
#include "extension/binding/row.hpp"

namespace wc {

/// An attribute, and the text that stands before its value: `"id":` or `,"type":`.
struct Field {
    int attribute;
    std::string_view before;
};

struct ItemShape {
    const Field *fields;
    int count;
};

extern const ItemShape kStudentItem;      // of a summary
extern const ItemShape kAllergyItem;      // of a summary
extern const ItemShape kVitalItem;        // of a summary
extern const ItemShape kVaccinationItem;  // of a summary
extern const ItemShape kConditionItem;    // of a summary that includes them
extern const ItemShape kRecordItem;       // of a page of records and of a search, which add the student
extern const ItemShape kRecordStudentItem;

/// Writes a row as the members of an object, for a caller that adds others.
///
/// REQUIRES: the caller opens the object before, and closes it after its own members.
void write_members(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row);

/// Writes a row as an object.
void write_item(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row);

/// Writes rows as an array of objects.
void write_items(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const RowList &list);

}  // namespace wc
