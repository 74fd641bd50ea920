#include "extension/search_page.hpp"

#include "extension/direct_search.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "utils/guc.h"
}

namespace wc {
namespace {

KeptPlan text_plans[SearchParameters::kVariants];
KeptPlan name_plans[SearchParameters::kVariants];
KeptPlan walk_plans[3][SearchParameters::kVariants];
KeptPlan page_plans[SearchParameters::kVariants];
KeptPlan latest_text_plans[SearchParameters::kVariants];
KeptPlan latest_name_plans[SearchParameters::kVariants];
KeptPlan student_plans[SearchParameters::kVariants];
KeptPlan ranked_plan;

// What rows cost, in microseconds, as far as it decides which way to go: to make a tsvector of one, to look up its
// student, and to fetch and sort one that an index has found.
constexpr double kVectorCost = 12;
constexpr double kStudentCost = 3;
constexpr double kFetchCost = 1.2;

constexpr long kFirstLook = 250;

void take(const SPITupleTable *table, std::uint64_t at, RowList &rows)
{
    Row &row = rows.add();
    row.values[record::Id] = SPI_getbinval(table->vals[at], table->tupdesc, 1, &row.nulls[record::Id]);
    row.values[record::Date] = SPI_getbinval(table->vals[at], table->tupdesc, 2, &row.nulls[record::Date]);
}

Matches first_matches(KeptPlan &plan, char *text, SearchParameters &parameters)
{
    Matches matches;
    SPITupleTable *const found =
        plan.select(text, SearchParameters::kCount, parameters.types, parameters.values, parameters.nulls);
    matches.complete = matches.latest = found->numvals <= kExactTotal;
    for (std::uint64_t at = 0; at < found->numvals; ++at)
        take(found, at, matches.rows);
    return matches;
}

// Words as typed first: an index gives the beginnings of words at twice the price, and when there is more than is
// counted without them, there is with them.
Matches text_by_query(const SearchQuery &query, SearchParameters &parameters)
{
    KeptPlan &plan = text_plans[parameters.variant()];
    char *const text = matches_by_text(parameters);
    Matches matches = first_matches(plan, text, parameters);
    if (query.beginnings == 0)
        return matches;
    parameters.set_text(query.beginnings);
    return matches.complete ? first_matches(plan, text, parameters) : matches;
}

Matches text_matches(const SearchQuery &query, SearchParameters &parameters, DirectSearch *direct, int64 needed)
{
    if (!query.finds_text())
        return {};
    if (direct == nullptr || !DirectSearch::finds(query.words))
        return text_by_query(query, parameters);
    Matches const matches = direct->by_text(query, needed);
    parameters.set_text(query.whole());
    return matches;
}

Matches name_matches(const SearchQuery &query, SearchParameters &parameters, DirectSearch *direct, int64 needed)
{
    if (!query.finds_names())
        return {};
    if (direct != nullptr && direct->finds_students()) {
        SPITupleTable *const found =
            student_plans[parameters.variant()].select(students_by_name(parameters), SearchParameters::kCount,
                                                       parameters.types, parameters.values, parameters.nulls);
        auto *const ids = static_cast<Datum *>(palloc(sizeof(Datum) * (found->numvals + 1)));
        bool is_null = false;
        for (std::uint64_t at = 0; at < found->numvals; ++at)
            ids[at] = SPI_getbinval(found->vals[at], found->tupdesc, 1, &is_null);
        if (found->numvals <= kMostStudents)
            return direct->of_students(ids, static_cast<int>(found->numvals), needed);
    }
    return first_matches(name_plans[parameters.variant()], matches_by_name(parameters), parameters);
}

// Whether a B-tree begins with the date: then the latest records can be walked through.
bool is_ordered_by_date(Oid index, AttrNumber date)
{
    HeapTuple const tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple))
        return false;
    auto const *form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    bool const fits =
        form->indisvalid && form->indkey.values[0] == date && heap_attisnull(tuple, Anum_pg_index_indpred, nullptr);
    ReleaseSysCache(tuple);
    if (!fits)
        return false;
    HeapTuple const relation = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(relation))
        return false;
    bool const is_btree = reinterpret_cast<Form_pg_class>(GETSTRUCT(relation))->relam == BTREE_AM_OID;
    ReleaseSysCache(relation);
    return is_btree;
}

/// How many rows there are, by the server's estimate; 0 where nothing is known, or the latest cannot be walked through.
double rows_to_walk()
{
    OpenTable const table = open_bound_table(Entity::HealthRecords);
    double rows = table.relation->rd_rel->reltuples;
    if (table.relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE && rows <= 0)
        rows = 1e6;
    List *const indexes = RelationGetIndexList(table.relation);
    bool ordered = false;
    ListCell *cell = nullptr;
    foreach (cell, indexes)
        ordered = ordered || is_ordered_by_date(lfirst_oid(cell), table.bound->columns[record::Date].number);
    list_free(indexes);
    table_close(table.relation, NoLock);
    return ordered && rows > 0 ? rows : 0;
}

/// The latest `needed` matches of the kinds of which they are not known yet, added to `found`.  False when too few
/// match for a walk to be the way.
bool walk(const Matches &text, const Matches &names, SearchParameters &parameters, int64 needed, RowList &found)
{
    double const rows = rows_to_walk();
    if (rows == 0)
        return false;
    int const which = (text.latest ? 0 : 1) + (names.latest ? 0 : 2) - 1;
    char *const statement = latest_records(parameters, !text.latest, !names.latest);
    double const cost = (text.latest ? 0 : kVectorCost) + (names.latest ? 0 : kStudentCost);
    SPIPlanPtr const plan =
        walk_plans[which][parameters.variant()].get(statement, SearchParameters::kCount, parameters.types);
    Portal const cursor = SPI_cursor_open(nullptr, plan, parameters.values, parameters.nulls, true);
    int64 matched = 0;
    double looked = 0;
    long batch = kFirstLook;
    while (matched < needed) {
        SPI_cursor_fetch(cursor, true, batch);
        SPITupleTable *const table = SPI_tuptable;
        for (std::uint64_t at = 0; at < table->numvals && matched < needed; ++at) {
            bool is_null = false;
            if (!DatumGetBool(SPI_getbinval(table->vals[at], table->tupdesc, 3, &is_null)))
                continue;
            take(table, at, found);
            ++matched;
        }
        looked += static_cast<double>(table->numvals);
        if (matched >= needed)
            break;
        if (table->numvals < static_cast<std::uint64_t>(batch)) {
            SPI_cursor_close(cursor);
            return looked < kLongestWalk;  // all that there is was seen
        }
        double const share = (static_cast<double>(matched) + 0.5) / looked;
        double const ahead = static_cast<double>(needed - matched) / share;
        if (looked + ahead > kLongestWalk || ahead * cost > share * rows * kFetchCost) {
            SPI_cursor_close(cursor);
            return false;
        }
        batch = static_cast<long>(ahead / 2) + 50;
    }
    SPI_cursor_close(cursor);
    return true;
}

void append_rows(RowList &to, const RowList &rows)
{
    for (int i = 0; i < rows.count; ++i)
        to.add() = rows.rows[i];
}

void sort_and_unite(RowList &rows)
{
    RowOrder const order(bound_table(Entity::HealthRecords), {{record::Date, true}, {record::Id, false}});
    order.sort(rows);
    int kept = 0;
    for (int i = 0; i < rows.count; ++i) {
        if (kept == 0 || order.compare(rows.rows[kept - 1], rows.rows[i]) != 0)
            rows.rows[kept++] = rows.rows[i];
    }
    rows.count = kept;
}

Datum ids_of_rows(const RowList &rows, int64 offset, int64 limit)
{
    const BoundColumn &id = bound_table(Entity::HealthRecords).columns[record::Id];
    int64 const first = Min(offset, rows.count);
    int64 const count = Min(limit, rows.count - first);
    auto *const ids = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(count + 1)));
    for (int64 i = 0; i < count; ++i)
        ids[i] = rows.rows[first + i].values[record::Id];
    return PointerGetDatum(
        construct_array(ids, static_cast<int>(count), id.type, id.length, id.by_value, id.alignment));
}

SearchPage sorted_by_server(SearchParameters &parameters)
{
    SPITupleTable *const table = page_plans[parameters.variant()].select(
        whole_page(parameters), SearchParameters::kCount, parameters.types, parameters.values, parameters.nulls);
    bool is_null = false;
    int64 const total = DatumGetInt64(SPI_getbinval(table->vals[0], table->tupdesc, 1, &is_null));
    return {SPI_getbinval(table->vals[0], table->tupdesc, 2, &is_null), total, false, total};
}

SearchPage latest_page(const Matches &text, const Matches &names, SearchParameters &parameters, int64 offset,
                       int64 limit)
{
    RowList rows{};
    append_rows(rows, text.latest ? text.rows : RowList{});
    append_rows(rows, names.latest ? names.rows : RowList{});
    // Of more matches, those of a walk and all that are known otherwise have the first of the page among them.
    if (!(text.latest && names.latest) && !walk(text, names, parameters, offset + limit, rows))
        return sorted_by_server(parameters);
    bool const complete = text.complete && names.complete;
    sort_and_unite(rows);
    int64 const total = complete ? rows.count : Max(rows.count, kExactTotal + 1);
    return {ids_of_rows(rows, offset, limit), total, !complete, total};
}

// What is ranked of one kind.
RowList ranked_rows(const Matches &matches, KeptPlan &plan, char *latest, SearchParameters &parameters)
{
    RowList rows = (matches.latest ? matches : first_matches(plan, latest, parameters)).rows;
    if (!matches.complete) {
        sort_and_unite(rows);
        rows.count = Min(rows.count, kRanked);
    }
    return rows;
}

SearchPage ranked_page(const Matches &text, const Matches &names, SearchParameters &parameters, int64 offset,
                       int64 limit)
{
    int const variant = parameters.variant();
    RowList const by_text = ranked_rows(text, latest_text_plans[variant], latest_by_text(parameters), parameters);
    RowList const by_name = ranked_rows(names, latest_name_plans[variant], latest_by_name(parameters), parameters);
    RowList rows{};
    append_rows(rows, by_text);
    append_rows(rows, by_name);
    sort_and_unite(rows);

    Oid const ids = get_array_type(bound_table(Entity::HealthRecords).columns[record::Id].type);
    Oid types[] = {TSQUERYOID, ids, ids, INT8OID, INT8OID};
    Datum const values[] = {parameters.values[0], ids_of_rows(by_text, 0, by_text.count),
                            ids_of_rows(by_name, 0, by_name.count), Int64GetDatum(offset), Int64GetDatum(limit)};
    char const nulls[] = {parameters.nulls[0], ' ', ' ', ' ', ' '};
    SPITupleTable *const table = ranked_plan.select(ids_by_rank(), lengthof(types), types, values, nulls);
    bool is_null = false;
    bool const complete = text.complete && names.complete;
    return {SPI_getbinval(table->vals[0], table->tupdesc, 1, &is_null),
            complete ? rows.count : Max(rows.count, kExactTotal + 1), !complete, rows.count};
}

SearchPage find_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset, int64 limit)
{
    int64 const needed = ranked ? kRanked : offset + limit;
    DirectSearch direct;
    bool const is_direct = direct.open(parameters);
    Matches const text = text_matches(query, parameters, is_direct ? &direct : nullptr, needed);
    Matches const names = name_matches(query, parameters, is_direct ? &direct : nullptr, needed);
    if (is_direct)
        direct.close();
    return ranked ? ranked_page(text, names, parameters, offset, limit)
                  : latest_page(text, names, parameters, offset, limit);
}

}  // namespace

// Compiling a statement would take longer than running it: a walk ends long before it costs what the planner thinks.
SearchPage find_search_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset,
                            int64 limit)
{
    int const level = NewGUCNestLevel();
    (void)set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    // Whoever is content with some of what an index finds does not mean a child's records.
    (void)set_config_option("gin_fuzzy_search_limit", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    SearchPage const page = find_page(query, parameters, ranked, offset, limit);
    AtEOXact_GUC(true, level);
    return page;
}

}  // namespace wc
