// A page of a student's records as JSON.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/record_filters.hpp"

namespace wc {

inline constexpr int32 kFirstPage = 1;
inline constexpr int32 kPageSize = 20;
inline constexpr int32 kMostRecords = 500;  // of a page

/// Errors: 22023 a page below 1, or of fewer than 1 or more than 500 records.
void check_page(int32 page);
void check_page_size(int32 page_size);

/// Writes {"records": […], "pagination": {"page", "limit", "total", "pages"}}.  Runs between SPI_connect and SPI_finish
/// of its caller.  `student_id` is of the type of the students' id column.  False for an unknown student, or one that a
/// policy hides: the page is empty.
///
/// Errors: those of the filters (record_filters.hpp) and of the queries (record_reader.hpp).
bool write_record_page(json::Buffer &out, Datum student_id, int32 page, int32 page_size, const FilterText &filters);

}  // namespace wc
