// The one rule that says which columns can hold which attributes, for wc_attach and for every read.
//
// Readers rely on the types without checking them.  So the rule is applied when tables are attached, and again whenever
// they are resolved anew, because columns may change their types and collations later.
#pragma once
#include "extension/binding/entity.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// The type and collation of a column.
struct ColumnType {
    Oid type;
    Oid collation;
};

/// Whether a column of this type can hold an attribute of this kind.  A domain cannot: it has constraints, which may
/// change.
bool fits(Oid type, Kind kind);

/// Returns the types that a kind allows, in words.
const char *words_of(Kind kind);

/// Returns why a column cannot hold an attribute, as "is json, must be jsonb", in the current memory context; nullptr
/// if it can.  `students`: the column of the students' ids, whose type a column of Kind::Student must have; nullptr if
/// unknown.
const char *find_misfit(const ColumnType &column, Kind kind, const ColumnType *students);

}  // namespace wc
