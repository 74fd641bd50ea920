// The functions for those who fill the cache.  They give keys, values, lifetimes, and the snapshot that each value was
// read with.
#include "extension/binding/absent_table.hpp"
#include "extension/binding/id.hpp"
#include "extension/binding/inheritance.hpp"
#include "extension/binding/mapping.hpp"
#include "extension/binding/resolution.hpp"
#include "extension/cache/key.hpp"
#include "extension/growth/chart.hpp"
#include "extension/query/kept_plan.hpp"
#include "extension/records/page.hpp"
#include "extension/server/arrays.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/result_rows.hpp"
#include "extension/server/settings.hpp"
#include "extension/server/text_view.hpp"
#include "extension/summary/summary.hpp"
#include "extension/value/json_value.hpp"
#include "extension/value/snapshot_token.hpp"

extern "C" {
#include "utils/rls.h"
}

namespace wc {
namespace {

// All roles share the cache, so values that depend on the policies of one role must not go there.
bool is_under_row_security()
{
    for (Entity const entity : {Entity::Students, Entity::HealthRecords, Entity::Allergies}) {
        if (check_enable_rls(bound_table(entity).relation, InvalidOid, true) == RLS_ENABLED)
            return true;
    }
    return false;
}

// Values must not go into the cache either if a table has rows that only this session sees, or rows whose changes this
// server never sees.
bool reads_rows_of_its_own()
{
    for (Entity const entity : {Entity::Students, Entity::HealthRecords, Entity::Allergies}) {
        const BoundTable &table = bound_table(entity);
        if (!is_absent(table) && has_rows_of_its_own(table.relation))
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

// The kinds that the caller wants.
struct WantedKinds {
    CachedKind *kinds;
    int count;
};

WantedKinds read_kinds(ArrayType *array)
{
    int const most = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    auto *const kinds = static_cast<CachedKind *>(palloc0(sizeof(CachedKind) * static_cast<Size>(most + 1)));
    CachedKind *next = kinds;
    int const count = for_each_name(array, "kinds", [&next](Datum name) {
        CachedKind const kind = parse_cached_kind(DatumGetTextPP(name));
        *next++ = kind;
        if (kind.kind == cache::Kind::Records && !kind.is_page)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("cache kind \"records\" requires a page"),
                            errhint("Write records:PAGE:LIMIT:FILTERS, such as records:1:20:{}.")));
    });
    return {kinds, count};
}

// The rows of wc_cache_entries.
class EntryRows {
public:
    explicit EntryRows(FunctionCallInfo fcinfo) : rows_(fcinfo)
    {
        row_context_ = AllocSetContextCreate(CurrentMemoryContext, "white_cross cache entry", ALLOCSET_DEFAULT_SIZES);
    }

    // Takes the token of the snapshot with which the call reads all values.
    void take_snapshot()
    {
        id_type_ = bound_table(Entity::Students).columns[student::Id].type;
        is_cacheable_ = may_cache_reads() && !is_under_row_security() && !reads_rows_of_its_own();
        snapshot_ = is_cacheable_ ? make_text([](json::Buffer &out) { append_snapshot_token(out); }) : Datum{0};
    }

    // Adds a row with the value that `make` makes, or none when it is 0: there is no such student.  `asked` is the id
    // as the caller wrote it.  `make` also gives the student's own id, whose spelling makes the key.
    template <class Make>
    void add(Datum asked, Oid asked_type, const CachedKind &kind, Make make)
    {
        CHECK_FOR_INTERRUPTS();
        MemoryContext const caller = MemoryContextSwitchTo(row_context_);
        Datum id = 0;
        if (Datum const value = make(id)) {
            std::string_view const student = student_id_text(id, id_type_);
            Datum const key = make_text([&](json::Buffer &out) { append_cache_key(out, student, kind); });
            Datum const shown =
                asked_type != TEXTOID
                    ? asked
                    : PointerGetDatum(cstring_to_text_with_len(student.data(), static_cast<int>(student.size())));
            Datum const values[] = {shown, key, value, Int32GetDatum(cache::ttl_seconds(kind.kind)),
                                    is_cacheable_ ? token_of(student) : Datum{0}};
            bool const nulls[] = {false, false, false, false, !is_cacheable_};
            rows_.put(values, nulls);
        }
        MemoryContextSwitchTo(caller);
        MemoryContextReset(row_context_);
    }

    Datum finish() { return rows_.finish(); }

private:
    // With plain keys all rows share a token.
    Datum token_of(std::string_view student) const
    {
        if (!settings::opaque_keys())
            return snapshot_;
        return make_text([&](json::Buffer &out) {
            out.append(text_view(snapshot_));
            append_key_mark(out, student);
        });
    }

    ResultRows rows_;
    MemoryContext row_context_;
    Oid id_type_ = InvalidOid;
    bool is_cacheable_ = false;
    Datum snapshot_ = 0;
};

void add_summaries(EntryRows &rows, ArrayType *ids, const CachedKind &kind)
{
    SummaryReader reader(ids, convert_cached_id);
    while (reader.next())
        rows.add(reader.id(), reader.id_type(), kind, [&](Datum &id) {
            id = reader.own_id();
            return reader.read();
        });
    reader.close();
}

// Adds a row for each id, converted to the type of the students' id column.
template <class Write>
void add_one_by_one(EntryRows &rows, ArrayType *array, const CachedKind &kind, Write write)
{
    IdArray const ids = read_ids(array);
    for (int i = 0; i < ids.count; ++i) {
        Datum id = 0;
        if (ids.nulls[i] ||
            !convert_cached_id(ids.values[i], ids.type, bound_table(Entity::Students).columns[student::Id], id))
            continue;
        rows.add(ids.values[i], ids.type, kind, [&](Datum &own) -> Datum {
            own = id;
            json::Buffer value = make_buffer();
            return write(value, id) ? finish_text(value) : Datum{0};
        });
    }
}

void add_pages(EntryRows &rows, ArrayType *ids, const CachedKind &kind)
{
    add_one_by_one(rows, ids, kind, [&](json::Buffer &value, Datum id) {
        return write_record_page(value, id, kind.page, kind.page_size, kind.filters);
    });
}

// Returns the id that goes into a key.  Where tables are attached, and a student can have the id, it is spelled as the
// students' id column spells it.
std::string_view key_id(FunctionCallInfo fcinfo)
{
    Datum const given = PG_GETARG_DATUM(0);
    Oid const type = get_fn_expr_argtype(fcinfo->flinfo, 0);
    // Looks up once for all rows of a query whether tables are attached.
    static char attached[] = "attached";
    static char free[] = "free";
    NameData name;
    if (fcinfo->flinfo->fn_extra == nullptr)
        fcinfo->flinfo->fn_extra =
            is_known(Entity::Students) || bound_column_name(Entity::Students, student::Id, name) ? attached : free;
    if (fcinfo->flinfo->fn_extra == free)
        return student_id_text(given, type);
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum id = 0;
    return convert_cached_id(given, type, column, id) ? student_id_text(id, column.type) : student_id_text(given, type);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_cache_key(id text | uuid | bigint, kind text)
WC_FUNCTION(wc_cache_key)
{
    std::string_view const id = key_id(fcinfo);
    const text *const kind = PG_GETARG_TEXT_PP(1);
    json::Buffer key = make_buffer();
    append_cache_key(key, id, parse_cached_kind(kind));
    return finish_text(key);
}

// wc_cache_key(id text | uuid | bigint, page bigint, page_size bigint, filters json | jsonb | text)
WC_FUNCTION(wc_cache_page_key)
{
    std::string_view const id = key_id(fcinfo);
    int64 const page = page_argument(fcinfo, 1);
    int32 const page_size = page_size_argument(fcinfo, 2);
    json::Buffer key = make_buffer();
    append_cache_key(key, id, cached_page(page, page_size, FilterText::of_argument(fcinfo, 3)));
    return finish_text(key);
}

// wc_cache_entries(ids text[] | uuid[] | bigint[] | text, kinds text[])
//   → (student_id, key, value, ttl_seconds, snapshot)
WC_READING_FUNCTION(wc_cache_entries)
{
    EntryRows rows(fcinfo);
    ArrayType *const ids = id_array_argument(fcinfo, 0);
    ArrayType *const kinds = PG_GETARG_ARRAYTYPE_P(1);
    if (ARR_NDIM(kinds) == 0)
        return rows.finish();
    lock_tables({Entity::Students, Entity::HealthRecords, Entity::Allergies});
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
