// A page of a student's records as JSON.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/records/filters.hpp"

namespace wc {

inline constexpr int64 kFirstPage = 1;
inline constexpr int32 kPageSize = 20;
inline constexpr int32 kMostRecords = 500;  // of a page

/// Check the number of a page, and how many records it has, and return it.
///
/// Errors: 22023 a page below 1, or of fewer than 1 or more than 500 records.
int64 checked_page(int64 page);
int32 checked_page_size(int64 page_size);

/// Return an argument that is the number of a page, or how many records it has; for NULL kFirstPage and kPageSize.
///
/// Errors: those of checked_page() and checked_page_size().
int64 page_argument(FunctionCallInfo fcinfo, int argument);
int32 page_size_argument(FunctionCallInfo fcinfo, int argument);

/// Returns how many records come before a page.  The result is capped for pages beyond all that a table can fill, so
/// that it does not overflow.
int64 records_before(int64 page, int32 page_size);

/// Writes {"records": […], "pagination": {"page", "limit", "total", "pages"}}.  `student_id` is of the type of the
/// students' id column.  For an unknown student, or one whom a policy hides, writes an empty page and returns false.
///
/// REQUIRES: the caller has connected to SPI.
/// Errors: those of resolve_filters() and of RecordReader.
bool write_record_page(json::Buffer &out, Datum student_id, int64 page, int32 page_size, const FilterText &filters);

/// The place of a page among all pages.
struct Pagination {
    int64 page;
    int32 page_size;
    int64 total;
    int64 reachable;  ///< rows that pages may show
    bool total_is_lower_bound = false;
    int ranked_latest = 0;  ///< how many of the latest rows were ranked; 0: all, or none
};

/// Writes "pagination": {…}, a member of an object.
void write_pagination(json::Buffer &out, const Pagination &of);

}  // namespace wc
