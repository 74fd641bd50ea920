// By hand: invalidation, for changes that no trigger sees, and rebuilding ahead of those who will ask.  Both take the
// way of all changes: remembered by the transaction, queued with its commit.
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

void mark_one(Datum id, Oid type, cache::Sections sections)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum converted = 0;
    // In the spelling of the column: the keys of a uuid are in lower case, however it was given.
    if (convert_student_id(id, type, column, converted))
        mark_student(student_id_text(converted, column.type), sections);
}

void mark_each(ArrayType *ids, cache::Sections sections)
{
    Oid const type = ARR_ELEMTYPE(ids);
    ArrayIterator const each = array_create_iterator(ids, 0, nullptr);
    Datum id = 0;
    bool is_null = false;
    while (array_iterate(each, &id, &is_null)) {
        if (!is_null)
            mark_one(id, type, sections);
    }
    array_free_iterator(each);
}

// Other keys of Redis are not the extension's to remove.
void check_pattern(std::string_view pattern)
{
    constexpr std::string_view kStart = "student:";
    constexpr std::size_t kLongest = 1000;
    if (pattern.substr(0, kStart.size()) != kStart)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("the pattern \"%.*s\" does not begin with \"student:\"",
                        static_cast<int>(Min(pattern.size(), kLongest)), pattern.data()),
                 errhint("For example 'student:*:growth_chart'; * ? [ ] and \\ are as in the patterns of Redis.")));
    if (pattern.size() > kLongest)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the pattern has %zu bytes; at most %zu are possible", pattern.size(), kLongest)));
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_invalidate(student_id text | uuid | bigint)
WC_FUNCTION(wc_invalidate)
{
    check_may_write("wc_invalidate()");
    mark_one(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0), cache::kAllSections);
    PG_RETURN_VOID();
}

// wc_invalidate(student_ids text[] | uuid[] | bigint[])
WC_FUNCTION(wc_invalidate_many)
{
    check_may_write("wc_invalidate()");
    mark_each(PG_GETARG_ARRAYTYPE_P(0), cache::kAllSections);
    PG_RETURN_VOID();
}

// wc_invalidate_all()
WC_FUNCTION(wc_invalidate_all)
{
    check_may_write("wc_invalidate_all()");
    mark_everything(cache::kAllSections);
    PG_RETURN_VOID();
}

// wc_invalidate_pattern(pattern text)
WC_FUNCTION(wc_invalidate_pattern)
{
    check_may_write("wc_invalidate_pattern()");
    const text *const pattern = PG_GETARG_TEXT_PP(0);
    std::string_view const glob(VARDATA_ANY(pattern), VARSIZE_ANY_EXHDR(pattern));
    check_pattern(glob);
    mark_keys(glob);
    PG_RETURN_VOID();
}

// wc_prewarm(student_ids text[] | uuid[] | bigint[])
WC_FUNCTION(wc_prewarm)
{
    check_may_write("wc_prewarm()");
    mark_each(PG_GETARG_ARRAYTYPE_P(0), cache::kPrewarm);
    PG_RETURN_VOID();
}
