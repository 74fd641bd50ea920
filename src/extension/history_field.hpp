// What of each table goes into an export of a student's history, and comes back with an import.
//
// Every column does, so that nothing is lost on the way: first the attributes, under the names that the
// functions give them, then the application's other columns under their own names.  Left out are generated
// columns, which nobody can write, and the student's id, which the chunk says once for all of its rows.
#pragma once
#include <string_view>

#include "extension/binding.hpp"

namespace wc {

struct HistoryField {
    const char *name;         // as in JSON
    std::string_view before;  // what stands in front of its value there: `{"id":` or `,"type":`
    const char *column;
    AttrNumber number;  // of the column
    Oid type;
    int32 modifier;  // as in varchar(20)
    bool not_null;
    bool has_default;
};

struct HistoryFields {
    Entity entity;
    const BoundTable *table;
    HistoryField *fields;
    int count;
};

/// The fields of an entity, in the current memory context.  The table is locked until the transaction ends, as
/// by a query (AccessShareLock): its columns stay what they are.
HistoryFields history_fields(Entity entity);

}  // namespace wc
