// The rows of a page of search results: records and their students, as far as a page shows them.
//
// Where the search has found the records directly, it knows their places and reads them there.  A query looks up each
// id in each partition, which for a page of a table with many partitions takes longer than to find it.
#pragma once
#include "extension/search/page.hpp"

namespace wc {

/// How many of a student's attributes a page shows, the first ones.
inline constexpr int kShownOfStudent = student::StudentNumber + 1;

struct PageRow {
    Row record;
    Row student;  ///< its id is NULL: there is none, or the caller may not see it
};

struct PageRows {
    PageRow *rows;
    int count;
};

/// Reads the rows in the order of the page.  The values are valid until SPI_finish.
///
/// REQUIRES: SPI is connected, and the snapshot is the one with which the page was found.
PageRows read_page_rows(const SearchPage &page);

}  // namespace wc
