#include "extension/binding/asked_ids.hpp"

#include "extension/binding/id.hpp"

namespace wc {

void note_asked_ids(FunctionCallInfo fcinfo, audit::Subject subject)
{
    bool const is_later_row = fcinfo->flinfo->fn_retset && fcinfo->flinfo->fn_extra != nullptr;
    if (subject == audit::Subject::None || PG_ARGISNULL(0) || is_later_row)
        return;
    if (subject == audit::Subject::Student) {
        // C code may call a function without saying what its arguments are.
        Oid const type = get_fn_expr_argtype(fcinfo->flinfo, 0);
        if (OidIsValid(type))
            audit::note_id(student_id_text(PG_GETARG_DATUM(0), type));
        return;
    }
    IdArray const ids = read_ids(id_array_argument(fcinfo, 0));
    for (int i = 0; i < ids.count; ++i) {
        if (!ids.nulls[i])
            audit::note_id(student_id_text(ids.values[i], ids.type));
    }
}

}  // namespace wc
