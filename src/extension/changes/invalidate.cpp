// The functions that invalidate by hand, for changes that no trigger sees, and wc_prewarm.  They mark students in the
// same way as triggers do: the transaction remembers them, and queues them just before its commit.
#include "core/changes/dirty_set.hpp"
#include "extension/binding/id.hpp"
#include "extension/changes/changes.hpp"
#include "extension/changes/registration.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"

namespace wc {
namespace {

void check_may_write(const char *function)
{
    PreventCommandIfReadOnly(function);
    PreventCommandIfParallelMode(function);
    PreventCommandDuringRecovery(function);
    // The queue's rows need a transaction id.
    GetTopTransactionId();
}

using changes::DirtySet;

void *allocate(std::size_t bytes) { return MemoryContextAllocHuge(CurrentMemoryContext, bytes); }
void release(void *memory) { pfree(memory); }

// The students of one call, so that one whom the caller names twice is counted once.
DirtySet no_students() { return {allocate, release, PG_UINT32_MAX}; }

void add(DirtySet &students, Datum id, Oid type, cache::Sections sections)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum converted = 0;
    // Convert the id to the column's type, so that its spelling is that of cache keys: uuids are in lower case.
    if (convert_student_id(id, type, column, converted))
        students.add(student_id_text(converted, column.type), sections);
}

void add_each(DirtySet &students, ArrayType *ids, cache::Sections sections)
{
    Oid const type = ARR_ELEMTYPE(ids);
    ArrayIterator const each = array_create_iterator(ids, 0, nullptr);
    Datum id = 0;
    bool is_null = false;
    while (array_iterate(each, &id, &is_null)) {
        if (!is_null)
            add(students, id, type, sections);
    }
    array_free_iterator(each);
}

// Marks the students, and returns how many the commit will queue: none while no worker is registered.
Datum mark(const DirtySet &students)
{
    for (const DirtySet::Entry &entry : students)
        mark_student(entry.student(), entry.sections);
    PG_RETURN_INT32(has_worker_now() ? static_cast<int32>(students.size()) : 0);
}

// The result where nobody counts the students: NULL, or 0 where none is queued.
Datum uncounted(FunctionCallInfo fcinfo)
{
    if (has_worker_now())
        PG_RETURN_NULL();
    PG_RETURN_INT32(0);
}

// The worker must remove no other keys than those of students.
void check_pattern(std::string_view pattern)
{
    constexpr std::string_view kStart = "student:";
    constexpr std::size_t kLongest = 1000;
    if (pattern.substr(0, kStart.size()) != kStart)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the pattern does not begin with \"student:\""),
                 errhint("For example 'student:*:growth_chart'; * ? [ ] and \\ are as in the patterns of Redis.")));
    if (pattern.size() > kLongest)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the pattern has %zu bytes; at most %zu are possible", pattern.size(), kLongest)));
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_invalidate(student_id text | uuid | bigint) → integer
WC_FUNCTION(wc_invalidate)
{
    check_may_write("wc_invalidate()");
    DirtySet students = no_students();
    add(students, PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0), cache::kAllSections);
    return mark(students);
}

// wc_invalidate(student_ids text[] | uuid[] | bigint[]) → integer
WC_FUNCTION(wc_invalidate_many)
{
    check_may_write("wc_invalidate()");
    DirtySet students = no_students();
    add_each(students, PG_GETARG_ARRAYTYPE_P(0), cache::kAllSections);
    return mark(students);
}

// wc_invalidate_all() → integer
WC_FUNCTION(wc_invalidate_all)
{
    check_may_write("wc_invalidate_all()");
    mark_everything(cache::kAllSections);
    return uncounted(fcinfo);
}

// wc_invalidate_pattern(pattern text) → integer
WC_FUNCTION(wc_invalidate_pattern)
{
    check_may_write("wc_invalidate_pattern()");
    std::string_view const glob = text_view(PG_GETARG_TEXT_PP(0));
    check_pattern(glob);
    mark_keys(glob);
    return uncounted(fcinfo);
}

// wc_prewarm(student_ids text[] | uuid[] | bigint[] | text) → integer
WC_FUNCTION(wc_prewarm)
{
    check_may_write("wc_prewarm()");
    DirtySet students = no_students();
    add_each(students, id_array_argument(fcinfo, 0), cache::kPrewarm);
    return mark(students);
}
