// What the database says to those who fill the cache: keys, values, lifetimes, and the snapshot that a
// value was read with.
#include "extension/boundary.hpp"
#include "extension/cached_kind.hpp"
#include "extension/growth_chart.hpp"
#include "extension/json_value.hpp"
#include "extension/kept_plan.hpp"
#include "extension/record_page.hpp"
#include "extension/result_rows.hpp"
#include "extension/snapshot_token.hpp"
#include "extension/student_id.hpp"
#include "extension/summary.hpp"

extern "C" {
#include "utils/rls.h"
}

namespace wc {
namespace {

// What a policy shows to one role is not for the cache, which all roles share.
bool is_under_row_security()
{
    for (Entity const entity : {Entity::Students, Entity::HealthRecords, Entity::Allergies}) {
        if (check_enable_rls(bound_table(entity).relation, InvalidOid, true) == RLS_ENABLED)
            return true;
    }
    return false;
}

template <class Append>
Datum make_text(Append append)
{
    json::Buffer out = make_buffer();
    append(out);
    return finish_text(out);
}

// The kinds to build, in the current memory context.
struct WantedKinds {
    CachedKind *kinds;
    int count;
};

WantedKinds read_kinds(ArrayType *array)
{
    Datum *names = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
    auto *const kinds = static_cast<CachedKind *>(palloc0(sizeof(CachedKind) * static_cast<Size>(count + 1)));
    for (int i = 0; i < count; ++i) {
        if (nulls[i])
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"kinds\" must not contain NULL")));
        kinds[i] = parse_cached_kind(DatumGetTextPP(names[i]));
        if (kinds[i].kind == cache::Kind::Records && !kinds[i].is_page)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("which page of records is not said"),
                            errhint("\"kinds\" takes records:PAGE:LIMIT:FILTERS, such as records:1:20:{}.")));
    }
    return {kinds, count};
}

// The rows of wc_cache_entries.
class EntryRows {
public:
    explicit EntryRows(FunctionCallInfo fcinfo) : rows_(fcinfo)
    {
        row_context_ = AllocSetContextCreate(CurrentMemoryContext, "white_cross cache entry", ALLOCSET_DEFAULT_SIZES);
    }

    // All values of one call are of one snapshot.
    void take_snapshot()
    {
        is_cacheable_ = may_cache_reads() && !is_under_row_security();
        snapshot_ = is_cacheable_ ? make_text([](json::Buffer &out) { append_snapshot_token(out); }) : Datum{0};
    }

    // A row with what `write` writes; none where it says that there is no such student.
    template <class Write>
    void add(Datum id, Oid id_type, const CachedKind &kind, Write write)
    {
        CHECK_FOR_INTERRUPTS();
        MemoryContext const caller = MemoryContextSwitchTo(row_context_);
        json::Buffer value = make_buffer();
        if (write(value)) {
            std::string_view const student = student_id_text(id, id_type);
            Datum const key = make_text([&](json::Buffer &out) { append_cache_key(out, student, kind); });
            Datum const values[] = {id, key, finish_text(value), Int32GetDatum(cache::ttl_seconds(kind.kind)),
                                    snapshot_};
            bool const nulls[] = {false, false, false, false, !is_cacheable_};
            rows_.put(values, nulls);
        }
        MemoryContextSwitchTo(caller);
        MemoryContextReset(row_context_);
    }

    Datum finish() { return rows_.finish(); }

private:
    ResultRows rows_;
    MemoryContext row_context_;
    bool is_cacheable_ = false;
    Datum snapshot_ = 0;
};

void add_summaries(EntryRows &rows, ArrayType *ids, const CachedKind &kind)
{
    SummaryReader reader(ids, convert_cached_id);
    while (reader.next())
        rows.add(reader.id(), reader.id_type(), kind, [&](json::Buffer &value) { return reader.write(value); });
    reader.close();
}

// `write` gets each student's id in the type of the column.
template <class Write>
void add_one_by_one(EntryRows &rows, ArrayType *array, const CachedKind &kind, Write write)
{
    IdArray const ids = read_ids(array);
    for (int i = 0; i < ids.count; ++i) {
        Datum id = 0;
        if (ids.nulls[i] ||
            !convert_cached_id(ids.values[i], ids.type, bound_table(Entity::Students).columns[student::Id], id))
            continue;
        rows.add(ids.values[i], ids.type, kind, [&](json::Buffer &value) { return write(value, id); });
    }
}

void add_pages(EntryRows &rows, ArrayType *ids, const CachedKind &kind)
{
    add_one_by_one(rows, ids, kind, [&](json::Buffer &value, Datum id) {
        return write_record_page(value, id, kind.page, kind.page_size, kind.filters);
    });
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_cache_key(id text | uuid | bigint, kind text)
WC_FUNCTION(wc_cache_key)
{
    std::string_view const id = student_id_text(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0));
    const text *const kind = PG_GETARG_TEXT_PP(1);
    json::Buffer key = make_buffer();
    append_cache_key(key, id, parse_cached_kind(kind));
    return finish_text(key);
}

// wc_cache_key(id text | uuid | bigint, page integer, page_size integer, filters json)
WC_FUNCTION(wc_cache_page_key)
{
    std::string_view const id = student_id_text(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0));
    const text *const filters = PG_GETARG_TEXT_PP(3);
    json::Buffer key = make_buffer();
    append_cache_key(key, id,
                     cached_page(PG_GETARG_INT32(1), PG_GETARG_INT32(2),
                                 {VARDATA_ANY(filters), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(filters))}));
    return finish_text(key);
}

// wc_cache_entries(ids text[] | uuid[] | bigint[], kinds text[])
//   → (student_id, key, value, ttl_seconds, snapshot)
WC_FUNCTION(wc_cache_entries)
{
    EntryRows rows(fcinfo);
    ArrayType *const ids = PG_GETARG_ARRAYTYPE_P(0);
    ArrayType *const kinds = PG_GETARG_ARRAYTYPE_P(1);
    if (ARR_NDIM(kinds) == 0)
        return rows.finish();
    SPI_connect();
    WantedKinds const wanted = read_kinds(kinds);
    rows.take_snapshot();
    for (int i = 0; i < wanted.count; ++i) {
        const CachedKind &kind = wanted.kinds[i];
        switch (kind.kind) {
            case cache::Kind::HealthSummary: add_summaries(rows, ids, kind); break;
            case cache::Kind::Records: add_pages(rows, ids, kind); break;
            case cache::Kind::GrowthChart: add_one_by_one(rows, ids, kind, write_growth_chart); break;
        }
    }
    SPI_finish();
    return rows.finish();
}
