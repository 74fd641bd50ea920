// A table of the application that is bound to an entity.  A BoundTable never changes (resolution.hpp).
#pragma once
#include <cstdint>

#include "extension/binding/entity.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

struct BoundColumn {
    NameData name;
    AttrNumber number;
    Oid type;
    Oid collation;
    int16 length;
    char alignment;
    bool by_value;
    bool not_null;
    bool is_attached;  // whether the mapping names a column; only optional attributes (entity.hpp) may have none
};

struct BoundTable {
    Oid relation;
    Oid schema;
    Oid students;  // the students' table, whose id has the type that this table's student column must have
    NameData schema_name;
    NameData table_name;
    BoundColumn columns[kMaxAttributes];
    AttrNumber last_number;  // the highest attribute number among the columns
    std::uint64_t version;   // differs each time that the table is resolved anew
};

}  // namespace wc
