// Rows as objects of JSON lists: which attributes each kind of item shows, in which order.
#pragma once
#include <string_view>

#include "core/json/buffer.hpp"
#include "extension/row.hpp"

namespace wc {

/// An attribute with the text that goes before its value.
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
extern const ItemShape kRecordItem;       // of a page of records, where the student follows
extern const ItemShape kRecordStudentItem;

/// Writes a row as an object without its closing brace, so that more can follow.
void write_fields(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row);

/// Writes a row as an object.
void write_item(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const Row &row);

/// Writes rows as an array of objects.
void write_items(json::Buffer &out, const ItemShape &shape, const BoundTable &table, const RowList &list);

}  // namespace wc
