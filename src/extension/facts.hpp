// What a health summary is made from, however it was read (direct_reader.hpp, query_reader.hpp).
#pragma once
#include "extension/row.hpp"

namespace wc {

/// How many of the latest vitals and vaccinations a summary shows.
inline constexpr int kLatest = 5;

/// The record type that counts as a vaccination.
inline constexpr const char *kVaccination = "VACCINATION";

struct TypeCount {
    Datum type;
    int64 count;
};

struct Facts {
    bool found;  // whether there is such a student; nothing else is set when not
    Row student;
    RowList allergies;     // by severity descending, allergen, id
    RowList vitals;        // at most kLatest, by date descending, id
    RowList vaccinations;  // at most kLatest, by date descending, id
    TypeCount *counts;     // in the order of the type
    int count_of_types;
};

}  // namespace wc
