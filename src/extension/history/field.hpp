// The fields of each table that an export of a student's history writes, and an import reads.
//
// Every column is a field, so that nothing is lost on the way: first the attributes, under the names that the functions
// give them, then the application's other columns under their own names.  Two kinds of columns are no fields: the
// application's generated columns, because nobody can write them, and the student's id, because the chunk has it once
// for all of its rows.
#pragma once
#include <string_view>

#include "extension/binding/binding.hpp"
#include "extension/value/text_form.hpp"

namespace wc {

/// The version of the format that exports write and imports read.
inline constexpr int kHistoryFormat = 1;

/// The names of an entity's rows, in the plural and in the singular.  Chunks, the `section` of CSV and the result of an
/// import use them.
inline constexpr std::string_view kSectionNames[kEntities] = {"student", "records", "allergies", "conditions"};
inline constexpr std::string_view kRowNames[kEntities] = {"student", "record", "allergy", "condition"};

/// How a column of an attribute differs from what is exported and imported.  Other columns have Same.
enum class Stored : std::uint8_t {
    Same,
    Json,   // json, which is exported and imported as jsonb
    Padded  // an id of type char, which is exported without the blanks at its end
};

struct HistoryField {
    const char *name;         // in JSON
    std::string_view before;  // the text before its value in JSON: `{"id":` or `,"type":`
    const char *column;
    AttrNumber number;  // of the column
    Oid type;           // of the exported and imported value
    Stored stored;
    int32 modifier;  // the 20 of varchar(20), as PostgreSQL keeps it
    bool not_null;
    bool has_default;
    bool is_generated;  // from the row's other columns: nobody can write it
    bool is_assigned;   // GENERATED ALWAYS AS IDENTITY: an insert can set it, an update cannot change it
    TextForm form;
};

struct HistoryFields {
    Entity entity;
    const BoundTable *table;
    HistoryField *fields;
    int count;
    // The name of the list of the row's jsonb columns that hold JSON's null, which looks like SQL's NULL in the row.
    const char *json_nulls;
    std::string_view before_json_nulls;
    TextForm form;  // of all fields
};

/// Returns the fields of an entity, in the current memory context.  Locks the table until the transaction ends, like a
/// query (AccessShareLock), so that its columns stay what they are.  A table that the application does not have has no
/// fields.
HistoryFields history_fields(Entity entity);

/// Returns the column's value as one of the field's type.
Datum exported_value(const HistoryField &field, Datum stored);

}  // namespace wc
