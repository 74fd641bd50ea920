// The facts that a health summary is made from.  DirectReader and QueryReader read the same ones.
#pragma once
#include "extension/binding/row.hpp"

namespace wc {

/// How many of the latest vitals and vaccinations a summary shows.
inline constexpr int kLatest = 5;

struct TypeCount {
    Datum type;
    int64 count;
};

struct Facts {
    bool found;  // false: there is no such student, and nothing else is set
    Row student;
    RowList allergies;     // the most severe first (label.hpp)
    RowList vitals;        // at most kLatest, by date descending, id
    RowList vaccinations;  // at most kLatest, by date descending, id
    TypeCount *counts;     // in the order of the type
    int count_of_types;
};

}  // namespace wc
