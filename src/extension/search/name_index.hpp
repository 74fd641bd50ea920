// Reads the students whose names match from the index of names of all students, where row-level security applies to the
// caller.  PostgreSQL itself compares the name of each student that the policies show.
//
// It finds what the statement students_by_name finds: the policies decide first (direct/shown_rows.hpp), then the name
// is compared.
#pragma once
#include "extension/direct/index_expression.hpp"
#include "extension/direct/row_bitmap.hpp"
#include "extension/direct/row_fetch.hpp"
#include "extension/search/statements.hpp"

namespace wc {

class NameIndex {
public:
    /// Returns false, and opens nothing, if a query must find the students.
    ///
    /// REQUIRES: SPI is connected; `parameters` lives until close().
    bool open(const SearchParameters &parameters);
    void close();

    /// Goes on to the next student that the caller may see and whose name matches.  Returns false after the last.
    bool next();

    /// The id of that student.  It is valid until next().
    Datum id(bool &is_null) const;

private:
    using Positions = AskedPositions<BitmapRows, RowFetch>;

    bool fits(Datum name) const;
    bool fits_all(int parameter, bool wanted, Datum name) const;
    BitmapRows look_into_index() const;

    const SearchParameters *parameters_ = nullptr;
    OpenTable students_{};
    Relation index_ = nullptr;
    RowFetch rows_;
    IndexExpression name_{nullptr};
    Positions *positions_ = nullptr;
};

}  // namespace wc
