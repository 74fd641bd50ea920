// The ids of the students that the caller may see and whose names match, some at a time.
#pragma once
#include "extension/search/name_index.hpp"

namespace wc {

class NamedStudents {
public:
    /// REQUIRES: SPI is connected; `parameters` lives until close().
    explicit NamedStudents(SearchParameters &parameters);

    /// Adds so many more students.  Returns false if there were fewer.
    ///
    /// REQUIRES: there are at most kMostStudents + 1 in all.
    bool fetch(int most);
    void close();

    /// Without those that have no id: without a primary key that is possible, and then no record belongs to them.
    const Datum *ids() const noexcept { return ids_; }
    int count() const noexcept { return count_; }

private:
    bool fetch_from_index(int most);
    bool fetch_by_query(int most);

    Datum *ids_;
    int count_ = 0;
    NameIndex index_;
    bool is_by_index_;
    Portal query_ = nullptr;
};

}  // namespace wc
