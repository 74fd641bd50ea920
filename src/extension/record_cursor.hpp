// Where a page of records ended, as text that a client keeps for the next one.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/record_filters.hpp"

namespace wc {

/// The place of a record in the order of pages: by date, latest first, then by id.
struct RecordPosition {
    bool date_is_null;
    Datum date;  // of the type of the date column
    Datum id;    // of the type of the id column
};

/// What a cursor belongs to: one student and one set of filters.
uint32 cursor_owner(std::string_view student_id, const FilterText &filters);

/// Appends the cursor as a JSON string: hexadecimal digits.  They hold the record's date and id, unencrypted.
void write_cursor(json::Buffer &out, const RecordPosition &position, uint32 owner, const BoundTable &records);

/// Errors: 22023 no cursor of ours, or that of another student or other filters.
RecordPosition parse_cursor(const text *cursor, uint32 owner, const BoundTable &records);

}  // namespace wc
