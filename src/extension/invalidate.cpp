// Invalidation by hand, for changes that no trigger sees.  It takes the way of all changes: remembered by
// the transaction, queued with its commit.
#include "extension/boundary.hpp"
#include "extension/changes.hpp"
#include "extension/student_id.hpp"

namespace wc {
namespace {

void check_may_write(const char *function)
{
    PreventCommandIfReadOnly(function);
    PreventCommandIfParallelMode(function);
    PreventCommandDuringRecovery(function);
    // The queue's rows carry it.
    GetTopTransactionId();
}

void invalidate(Datum id, Oid type)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum converted = 0;
    // In the spelling of the column: the keys of a uuid are in lower case, however it was given.
    if (convert_student_id(id, type, column, converted))
        mark_student(student_id_text(converted, column.type), cache::kAllSections);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_invalidate(student_id text | uuid | bigint)
WC_FUNCTION(wc_invalidate)
{
    check_may_write("wc_invalidate()");
    invalidate(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0));
    PG_RETURN_VOID();
}

// wc_invalidate(student_ids text[] | uuid[] | bigint[])
WC_FUNCTION(wc_invalidate_many)
{
    check_may_write("wc_invalidate()");
    ArrayType *const ids = PG_GETARG_ARRAYTYPE_P(0);
    Oid const type = ARR_ELEMTYPE(ids);
    ArrayIterator const each = array_create_iterator(ids, 0, nullptr);
    Datum id = 0;
    bool is_null = false;
    while (array_iterate(each, &id, &is_null)) {
        if (!is_null)
            invalidate(id, type);
    }
    array_free_iterator(each);
    PG_RETURN_VOID();
}

// wc_invalidate_all()
WC_FUNCTION(wc_invalidate_all)
{
    check_may_write("wc_invalidate_all()");
    mark_everything(cache::kAllSections);
    PG_RETURN_VOID();
}
