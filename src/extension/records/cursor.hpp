// Cursors: text that says where a page of records ended, and that a client passes for the next page.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/binding/row.hpp"
#include "extension/records/filters.hpp"

namespace wc {

/// The place of a record in the order of pages.
struct RecordPosition {
    struct Key {
        Datum value;  // of the type of the column
        bool is_null;
    };
    bool by_entry;  // whether the order has `entered` as a key (argument of page_order())
    Key date;
    Key entered;
    Key id;

    Key &at(int attribute) { return attribute == record::Date ? date : attribute == record::CreatedAt ? entered : id; }
    const Key &at(int attribute) const { return const_cast<RecordPosition *>(this)->at(attribute); }
};

/// Returns the order of records.  Without `by_entry` it is by date and id alone: the order of cursors that were given
/// out before records were ordered by entry too, and of tables that do not say when a record was entered.  So a client
/// that continues with such a cursor sees each record once.
SortKeys page_order(const BoundTable &records, bool by_entry);

/// Returns a number for what a cursor belongs to: one student and one set of filters.
uint32 cursor_owner(std::string_view student_id, const FilterText &filters);

/// Appends the cursor as a JSON string of hexadecimal digits.  They contain the record's date, entry and id,
/// unencrypted.
void write_cursor(json::Buffer &out, const RecordPosition &position, uint32 owner, const BoundTable &records);

/// Reads a cursor that write_cursor() wrote.
///
/// Errors: 22023 any other text, or a cursor that belongs to another student, other filters, another order or
/// dates of another type.
RecordPosition parse_cursor(const text *cursor, uint32 owner, const BoundTable &records);

}  // namespace wc
