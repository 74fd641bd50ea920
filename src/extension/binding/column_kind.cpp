#include "extension/binding/column_kind.hpp"

#include "extension/server/boundary.hpp"
#include "extension/server/result_rows.hpp"

extern "C" {
#include "catalog/pg_collation.h"
}

namespace wc {
namespace {

// The names of kinds in white_cross.attributes(), in the order of Kind.
constexpr const char *kKindNames[] = {"id", "student", "text", "label", "time", "boolean", "json", "list"};

Kind parse_kind(const char *name)
{
    for (std::size_t i = 0; i < lengthof(kKindNames); ++i) {
        if (strcmp(kKindNames[i], name) == 0)
            return static_cast<Kind>(i);
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of column \"%s\"", name),
                    errhint("white_cross.attributes() gives the kinds.")));
    pg_unreachable();
}

// Returns true, and raises no error, for a collation that is gone: a caller without a lock resolves the table again.
bool is_deterministic(Oid collation)
{
    HeapTuple const tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
    if (!HeapTupleIsValid(tuple))
        return true;
    bool const answer = reinterpret_cast<Form_pg_collation>(GETSTRUCT(tuple))->collisdeterministic;
    ReleaseSysCache(tuple);
    return answer;
}

const char *name_of_collation(Oid collation)
{
    const char *const name = get_collation_name(collation);
    return name == nullptr ? "?" : name;
}

}  // namespace

bool fits(Oid type, Kind kind)
{
    switch (kind) {
        case Kind::Id:
        case Kind::Student:
            return type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == UUIDOID || type == INT8OID ||
                   type == INT4OID;
        case Kind::Text: return type == TEXTOID || type == VARCHAROID;
        case Kind::Label: return type == TEXTOID || type == VARCHAROID || type_is_enum(type);
        case Kind::Time: return type == TIMESTAMPOID || type == TIMESTAMPTZOID || type == DATEOID;
        case Kind::Boolean: return type == BOOLOID;
        case Kind::Json: return type == JSONBOID || type == JSONOID;
        case Kind::List: return type == TEXTARRAYOID || type == VARCHARARRAYOID;
    }
    return false;
}

const char *words_of(Kind kind)
{
    switch (kind) {
        case Kind::Id: return "text, varchar, char, uuid, bigint or integer";
        case Kind::Student: return "the type of the students' id";
        case Kind::Text: return "text or varchar";
        case Kind::Label: return "an enum, text or varchar";
        case Kind::Time: return "timestamp, timestamptz or date";
        case Kind::Boolean: return "boolean";
        case Kind::Json: return "jsonb or json";
        case Kind::List: return "text[] or varchar[]";
    }
    return "?";
}

// A nondeterministic collation is refused: two ids that are equal and not identical would show one student's records
// under another's key.  So are different collations of the ids, because PostgreSQL cannot compare the columns then.
const char *find_misfit(const ColumnType &column, Kind kind, const ColumnType *students)
{
    if (!fits(column.type, kind))
        return psprintf("is %s, must be %s", format_type_be(column.type), words_of(kind));
    if (kind != Kind::Id && kind != Kind::Student)
        return nullptr;
    if (OidIsValid(column.collation) && !is_deterministic(column.collation))
        return psprintf("has the nondeterministic collation \"%s\", must have a deterministic one",
                        name_of_collation(column.collation));
    if (kind == Kind::Id || students == nullptr)
        return nullptr;
    if (column.type != students->type)
        return psprintf("is %s, must be %s, %s", format_type_be(column.type), format_type_be(students->type),
                        words_of(kind));
    if (column.collation != students->collation)
        return psprintf("has the collation \"%s\", must have \"%s\", the collation of the students' id",
                        name_of_collation(column.collation), name_of_collation(students->collation));
    return nullptr;
}

}  // namespace wc

using namespace wc;

// white_cross.attributes() → (entity, attribute, kind, is_optional)
WC_FUNCTION(wc_attributes)
{
    ResultRows rows(fcinfo);
    for (int entity = 0; entity < kEntities; ++entity) {
        AttributeList const list = attributes(static_cast<Entity>(entity));
        for (int i = 0; i < list.count; ++i) {
            Datum const values[] = {CStringGetTextDatum(kEntityNames[entity]), CStringGetTextDatum(list.names[i]),
                                    CStringGetTextDatum(kKindNames[static_cast<int>(list.kinds[i])]),
                                    BoolGetDatum(is_optional(static_cast<Entity>(entity), i))};
            bool const nulls[] = {false, false, false, false};
            rows.put(values, nulls);
        }
    }
    return rows.finish();
}

// white_cross.fits(type oid, kind text)
WC_FUNCTION(wc_fits) { PG_RETURN_BOOL(fits(PG_GETARG_OID(0), parse_kind(text_to_cstring(PG_GETARG_TEXT_PP(1))))); }

// white_cross.misfit(type oid, type_collation oid, kind text, student_type oid, student_collation oid)
WC_FUNCTION(wc_misfit)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
        PG_RETURN_NULL();
    ColumnType const column{PG_GETARG_OID(0), PG_GETARG_OID(1)};
    ColumnType const students{PG_ARGISNULL(3) ? InvalidOid : PG_GETARG_OID(3),
                              PG_ARGISNULL(4) ? InvalidOid : PG_GETARG_OID(4)};
    const char *const misfit = find_misfit(column, parse_kind(text_to_cstring(PG_GETARG_TEXT_PP(2))),
                                           OidIsValid(students.type) ? &students : nullptr);
    if (misfit == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(misfit));
}
