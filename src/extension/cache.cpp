// What the database says to those who fill the cache: keys, values, lifetimes, and the snapshot that a
// value was read with.
#include "core/cache/key.hpp"
#include "extension/boundary.hpp"
#include "extension/json_value.hpp"
#include "extension/result_rows.hpp"
#include "extension/settings.hpp"
#include "extension/snapshot_token.hpp"
#include "extension/student_id.hpp"
#include "extension/summary.hpp"

extern "C" {
#include "utils/rls.h"
}

namespace wc {
namespace {

constexpr cache::Kind kKinds[] = {cache::Kind::HealthSummary, cache::Kind::Records, cache::Kind::GrowthChart};

cache::KeyForm key_form() { return settings::cluster_keys() ? cache::KeyForm::HashTag : cache::KeyForm::Plain; }

cache::Kind parse_kind(const char *name)
{
    for (cache::Kind const kind : kKinds) {
        if (cache::name(kind) == name)
            return kind;
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of cached value \"%s\"", name),
                    errhint("Known are health_summary, records and growth_chart.")));
    pg_unreachable();
}

// Only summaries can be built here so far.
void check_kinds(ArrayType *kinds)
{
    Datum *names = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(kinds, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
    for (int i = 0; i < count; ++i) {
        if (nulls[i])
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"kinds\" must not contain NULL")));
        const char *const name = TextDatumGetCString(names[i]);
        if (parse_kind(name) != cache::Kind::HealthSummary)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("values of kind \"%s\" cannot be built in the database", name),
                            errhint("\"kinds\" takes health_summary.")));
    }
}

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

}  // namespace
}  // namespace wc

using namespace wc;

// wc_cache_key(id text | uuid | bigint, kind text)
WC_FUNCTION(wc_cache_key)
{
    std::string_view const id = student_id_text(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0));
    cache::Kind const kind = parse_kind(TextDatumGetCString(PG_GETARG_DATUM(1)));
    return make_text([&](json::Buffer &out) { cache::append_key(out, id, kind, key_form()); });
}

// wc_cache_entries(ids text[] | uuid[] | bigint[], kinds text[])
//   → (student_id, key, value, ttl_seconds, snapshot)
WC_FUNCTION(wc_cache_entries)
{
    ResultRows rows(fcinfo);
    ArrayType *const ids = PG_GETARG_ARRAYTYPE_P(0);
    ArrayType *const kinds = PG_GETARG_ARRAYTYPE_P(1);
    check_kinds(kinds);
    if (ARR_NDIM(kinds) == 0)
        return rows.finish();
    constexpr cache::Kind kKind = cache::Kind::HealthSummary;
    bool const is_cacheable = may_cache_reads() && !is_under_row_security();
    Datum const snapshot = is_cacheable ? make_text([](json::Buffer &out) { append_snapshot_token(out); }) : Datum{0};

    MemoryContext const row_context =
        AllocSetContextCreate(CurrentMemoryContext, "white_cross cache entry", ALLOCSET_DEFAULT_SIZES);
    SPI_connect();
    SummaryReader reader(ids, convert_cached_id);
    while (reader.next()) {
        CHECK_FOR_INTERRUPTS();
        MemoryContext const caller = MemoryContextSwitchTo(row_context);
        json::Buffer value = make_buffer();
        if (reader.write(value)) {
            std::string_view const id = student_id_text(reader.id(), reader.id_type());
            Datum const key = make_text([&](json::Buffer &out) { cache::append_key(out, id, kKind, key_form()); });
            Datum const values[] = {reader.id(), key, finish_text(value), Int32GetDatum(cache::ttl_seconds(kKind)),
                                    snapshot};
            bool const nulls[] = {false, false, false, false, !is_cacheable};
            rows.put(values, nulls);
        }
        MemoryContextSwitchTo(caller);
        MemoryContextReset(row_context);
    }
    reader.close();
    SPI_finish();
    return rows.finish();
}
