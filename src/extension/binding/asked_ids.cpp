#include "extension/binding/asked_ids.hpp"

#include "extension/binding/id.hpp"
#include "extension/binding/mapping.hpp"
#include "extension/binding/resolution.hpp"
#include "extension/server/settings.hpp"

namespace wc {
namespace {

// An opaque id is made from the student's own id, however the caller spells it.
std::string_view asked_id(Datum value, Oid type)
{
    NameData name;
    if (!settings::opaque_keys() ||
        !(is_known(Entity::Students) || bound_column_name(Entity::Students, student::Id, name)))
        return student_id_text(value, type);
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum id = 0;
    bool const is_other = type != TEXTOID && type != column.type;
    return !is_other && convert_cached_id(value, type, column, id) ? student_id_text(id, column.type)
                                                                   : student_id_text(value, type);
}

}  // namespace

void note_asked_ids(FunctionCallInfo fcinfo, audit::Subject subject)
{
    bool const is_later_row = fcinfo->flinfo->fn_retset && fcinfo->flinfo->fn_extra != nullptr;
    if (subject == audit::Subject::None || PG_ARGISNULL(0) || is_later_row)
        return;
    if (subject == audit::Subject::Student) {
        // C code may call a function without saying what its arguments are.
        Oid const type = get_fn_expr_argtype(fcinfo->flinfo, 0);
        if (OidIsValid(type))
            audit::note_id(asked_id(PG_GETARG_DATUM(0), type));
        return;
    }
    IdArray const ids = read_ids(id_array_argument(fcinfo, 0));
    for (int i = 0; i < ids.count; ++i) {
        if (!ids.nulls[i])
            audit::note_id(subject == audit::Subject::Records ? student_id_text(ids.values[i], ids.type)
                                                              : asked_id(ids.values[i], ids.type));
    }
}

}  // namespace wc
