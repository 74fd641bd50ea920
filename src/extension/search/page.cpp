#include "extension/search/page.hpp"

#include <cmath>

#include "extension/search/cost.hpp"
#include "extension/search/direct_names.hpp"
#include "extension/search/direct_text.hpp"
#include "extension/search/named_students.hpp"
#include "extension/search/ranking.hpp"
#include "extension/server/guc_scope.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "utils/datum.h"
}

namespace wc {
namespace {

KeptPlan text_plans[SearchParameters::kVariants];
KeptPlan name_plans[SearchParameters::kVariants];
KeptPlan walk_plans[3][SearchParameters::kVariants];
KeptPlan page_plans[SearchParameters::kVariants];
KeptPlan text_page_plans[SearchParameters::kVariants];
KeptPlan name_page_plans[SearchParameters::kVariants];
KeptPlan latest_text_plans[SearchParameters::kVariants];
KeptPlan latest_name_plans[SearchParameters::kVariants];
KeptPlan ranked_plan;

constexpr long kFirstLook = 250;

// How many records a walk examines at once, at most: their rows are in memory.
constexpr double kMostAtOnce = 5'000;

// How many students are looked at before it is decided whether all are found.  Comparing a name takes 15 µs.
constexpr long kFirstStudents = 400;

void take(const SPITupleTable *table, std::uint64_t at, RowList &rows)
{
    Row &row = rows.add();
    bool is_null = false;
    bool const by_entry = knows_entry(bound_table(Entity::HealthRecords));
    int const first = by_entry ? 4 : 3;
    row.place.table = DatumGetObjectId(SPI_getbinval(table->vals[at], table->tupdesc, first, &is_null));
    Datum const position = SPI_getbinval(table->vals[at], table->tupdesc, first + 1, &is_null);
    if (!is_null)
        row.place.position = *static_cast<ItemPointer>(static_cast<void *>(DatumGetPointer(position)));
    row.place.is_indexed = false;
    row.values[record::Id] = SPI_getbinval(table->vals[at], table->tupdesc, 1, &row.nulls[record::Id]);
    row.values[record::Date] = SPI_getbinval(table->vals[at], table->tupdesc, 2, &row.nulls[record::Date]);
    if (by_entry)
        row.values[record::CreatedAt] =
            SPI_getbinval(table->vals[at], table->tupdesc, 3, &row.nulls[record::CreatedAt]);
}

// Like take(), when the table is freed before the row is used.
void take_copy(const SPITupleTable *table, std::uint64_t at, RowList &rows)
{
    take(table, at, rows);
    const BoundTable &bound = bound_table(Entity::HealthRecords);
    Row &row = rows.rows[rows.count - 1];
    for (const SortKey &key : record_order(bound)) {
        const BoundColumn &column = bound.columns[key.attribute];
        if (!row.nulls[key.attribute])
            row.values[key.attribute] = datumCopy(row.values[key.attribute], column.by_value, column.length);
    }
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

// Finds matches by text.  It first looks for whole words: looking for beginnings of words costs an index twice as much,
// and if whole words alone have more matches than are counted, the answer is known.
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

Matches text_matches(const SearchQuery &query, SearchParameters &parameters, RecordParts *direct, int64 needed)
{
    if (!query.finds_text())
        return {};
    if (direct == nullptr || !index_of_words_finds(query.words))
        return text_by_query(query, parameters);
    Matches const matches = find_by_text(*direct, query, needed);
    parameters.set_text(query.whole());
    return matches;
}

// Finds matches by name through the students.  If the first students alone have more records than are counted and there
// are more students, it leaves it to a walk through the latest records to find those of the page, unless
// `wants_latest`: such a walk soon ends.  Returns false if there are too many students, or no index of their records.
bool find_by_students(SearchParameters &parameters, RecordParts &direct, int64 needed, bool wants_latest,
                      Matches &found)
{
    NamedStudents students(parameters);
    bool has_more = students.fetch(kFirstStudents);
    bool const is_direct = (students.count() == 0 && !has_more) || direct.has_students();
    if (is_direct && has_more) {
        if (!wants_latest && have_more_than_counted(direct, students.ids(), students.count())) {
            students.close();
            found.complete = found.latest = false;
            return true;
        }
        has_more = students.fetch(kMostStudents + 1 - kFirstStudents);
    }
    students.close();
    if (!is_direct || has_more)
        return false;
    if (students.count() > 0)
        found = find_of_students(direct, students.ids(), students.count(), needed);
    return true;
}

Matches name_matches(const SearchQuery &query, SearchParameters &parameters, RecordParts *direct, int64 needed,
                     bool wants_latest)
{
    Matches found;
    if (!query.finds_names() ||
        (direct != nullptr && find_by_students(parameters, *direct, needed, wants_latest, found)))
        return found;
    return first_matches(name_plans[parameters.variant()], matches_by_name(parameters), parameters);
}

// Whether the index is a B-tree that begins with the date, so that a walk through the latest records is possible.
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

/// Returns the server's estimate of the number of records; 0 if it is unknown, or if no index allows a walk.
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

// Begins a walk.  A walk that has no end before the last record seems so expensive to the planner that it would sort
// all records instead.
Portal begin_walk(SPIPlanPtr plan, SearchParameters &parameters)
{
    GucScope scope;
    if (parameters.words_need_each_record)
        scope.set("enable_sort", "off");
    Portal const cursor = SPI_cursor_open(nullptr, plan, parameters.values, parameters.nulls, true);
    scope.end();
    return cursor;
}

/// Walks back from the latest record, and adds to `found` the latest `needed` matches of the kinds whose latest are not
/// known yet.  Returns false if too few records match for a walk to be cheap.
bool walk(const Matches &text, const Matches &names, SearchParameters &parameters, int64 needed, RowList &found)
{
    double const rows = rows_to_walk();
    if (rows == 0)
        return false;
    int const which = (text.latest ? 0 : 1) + (names.latest ? 0 : 2) - 1;
    char *const statement = latest_records(parameters, !text.latest, !names.latest);
    double const cost = (text.latest ? 0 : search_cost::kVector) + (names.latest ? 0 : search_cost::kStudent);
    SPIPlanPtr const plan =
        walk_plans[which][parameters.variant()].get(statement, SearchParameters::kCount, parameters.types);
    Portal const cursor = begin_walk(plan, parameters);
    double const longest = parameters.words_need_each_record ? HUGE_VAL : kLongestWalk;
    int64 matched = 0;
    double looked = 0;
    long batch = kFirstLook;
    while (matched < needed) {
        SPI_cursor_fetch(cursor, true, batch);
        check_names();
        SPITupleTable *const table = SPI_tuptable;
        std::uint64_t const count = table->numvals;
        for (std::uint64_t at = 0; at < count && matched < needed; ++at) {
            bool is_null = false;
            if (!DatumGetBool(SPI_getbinval(table->vals[at], table->tupdesc, table->tupdesc->natts, &is_null)))
                continue;
            take_copy(table, at, found);
            ++matched;
        }
        SPI_freetuptable(table);
        looked += static_cast<double>(count);
        if (matched >= needed)
            break;
        if (count < static_cast<std::uint64_t>(batch)) {
            SPI_cursor_close(cursor);
            return looked < longest;  // true: the walk has read all records
        }
        double const share = (static_cast<double>(matched) + 0.5) / looked;
        double const ahead = static_cast<double>(needed - matched) / share;
        bool const is_only_way = parameters.words_need_each_record && !text.latest;
        if (looked + ahead > longest || (!is_only_way && ahead * cost > share * rows * search_cost::kFetch)) {
            SPI_cursor_close(cursor);
            return false;
        }
        batch = static_cast<long>(Min(ahead / 2 + 50, kMostAtOnce));
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
    const BoundTable &records = bound_table(Entity::HealthRecords);
    RowOrder const order(records, record_order(records));
    order.sort(rows);
    int kept = 0;
    for (int i = 0; i < rows.count; ++i) {
        if (kept == 0 || order.compare(rows.rows[kept - 1], rows.rows[i]) != 0)
            rows.rows[kept++] = rows.rows[i];
    }
    rows.count = kept;
}

// Returns those of the page.  Skips rows without an id: without a primary key that is possible, and a query cannot
// select them by it.
RowList rows_of_page(const RowList &rows, int64 offset, int64 limit)
{
    RowList page{};
    for (int64 i = Min(offset, rows.count); i < Min(offset + limit, rows.count); ++i) {
        if (!rows.rows[i].nulls[record::Id])
            page.add() = rows.rows[i];
    }
    return page;
}

Datum ids_of_rows(const RowList &rows)
{
    const BoundColumn &id = bound_table(Entity::HealthRecords).columns[record::Id];
    auto *const ids = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(rows.count + 1)));
    for (int i = 0; i < rows.count; ++i)
        ids[i] = rows.rows[i].values[record::Id];
    return PointerGetDatum(construct_array(ids, rows.count, id.type, id.length, id.by_value, id.alignment));
}

// Puts the rows onto the page.
void show_rows(SearchPage &page, const RowList &rows)
{
    auto *const places = static_cast<RowPlace *>(palloc(sizeof(RowPlace) * static_cast<Size>(rows.count + 1)));
    for (int i = 0; i < rows.count; ++i)
        places[i] = rows.rows[i].place;
    page.ids = ids_of_rows(rows);
    page.places = places;
    page.count = rows.count;
}

// Lets the server sort and count all matches.  It keeps the rows of the pages before this one out of this process.
SearchPage sorted_by_server(SearchParameters &parameters)
{
    SPITupleTable *const table = page_plans[parameters.variant()].select(
        whole_page(parameters), SearchParameters::kCount, parameters.types, parameters.values, parameters.nulls);
    bool is_null = false;
    int64 const total = DatumGetInt64(SPI_getbinval(table->vals[0], table->tupdesc, 1, &is_null));
    return {SPI_getbinval(table->vals[0], table->tupdesc, 2, &is_null), total, false, total};
}

// Adds the latest matches of one kind, which are more than are counted.  The server keeps only so many while it sorts.
void add_page_of(KeptPlan &plan, char *text, SearchParameters &parameters, RowList &rows)
{
    SPITupleTable *const found =
        plan.select(text, SearchParameters::kCount, parameters.types, parameters.values, parameters.nulls);
    for (std::uint64_t at = 0; at < found->numvals; ++at)
        take(found, at, rows);
}

// Adds rows that contain those of the page: the known ones, and those of a walk if there are more matches.  Returns
// false if a walk would be too long.
bool add_latest(const Matches &text, const Matches &names, SearchParameters &parameters, int64 needed, RowList &rows)
{
    append_rows(rows, text.latest ? text.rows : RowList{});
    append_rows(rows, names.latest ? names.rows : RowList{});
    return (text.latest && names.latest) || walk(text, names, parameters, needed, rows);
}

// Adds rows that contain those of the page after a walk would have been too long.  Returns false if the page is so far
// behind that the server had better sort all.
bool add_without_walk(const Matches &text, const Matches &names, SearchParameters &parameters, RecordParts *direct,
                      int64 needed, RowList &rows)
{
    if (needed > kLongestWalk)
        return false;
    rows = {};
    append_rows(rows, text.latest ? text.rows : RowList{});
    if (!text.latest)
        add_page_of(text_page_plans[parameters.variant()], page_by_text(parameters), parameters, rows);
    if (names.latest) {
        append_rows(rows, names.rows);
        return true;
    }
    Matches found;
    if (direct != nullptr && find_by_students(parameters, *direct, needed, true, found))
        append_rows(rows, found.rows);
    else
        add_page_of(name_page_plans[parameters.variant()], page_by_name(parameters), parameters, rows);
    return true;
}

// Whether there are so many students that it takes longer to read the names of all than to walk through the latest
// records.
bool are_many_students()
{
    OpenTable const students = open_bound_table(Entity::Students);
    bool const are_many = students.relation->rd_rel->reltuples > 4 * kMostStudents;
    table_close(students.relation, NoLock);
    return are_many;
}

// Finds the page for a part of a name that is too short for an index of trigrams.  A query of records can stop at the
// first matches, before it has read the names of all students.  If many students have such a name, a walk soon meets
// their records.  Returns false if it does not: then the caller finds the students first.
bool find_by_short_part(const SearchQuery &query, const Matches &text, SearchParameters &parameters,
                        RecordParts *direct, int64 needed, Matches &names, RowList &rows)
{
    if (!query.finds_names() || !parameters.has_short_part || !text.latest || !are_many_students() ||
        direct == nullptr || !direct->has_students())
        return false;
    names = first_matches(name_plans[parameters.variant()], matches_by_name(parameters), parameters);
    return add_latest(text, names, parameters, needed, rows);
}

SearchPage latest_page(const SearchQuery &query, SearchParameters &parameters, RecordParts *direct, int64 offset,
                       int64 limit)
{
    int64 const needed = offset + limit;
    RowList rows{};
    Matches names{};
    Matches const text = text_matches(query, parameters, direct, needed);
    if (!find_by_short_part(query, text, parameters, direct, needed, names, rows)) {
        rows = {};
        names = name_matches(query, parameters, direct, needed, false);
        if (!add_latest(text, names, parameters, needed, rows) &&
            !add_without_walk(text, names, parameters, direct, needed, rows))
            return sorted_by_server(parameters);
    }
    bool const complete = text.complete && names.complete;
    sort_and_unite(rows);
    int64 const total = complete ? rows.count : Max(rows.count, kExactTotal + 1);
    SearchPage found{0, total, !complete, total};
    show_rows(found, rows_of_page(rows, offset, limit));
    if (!parameters.reads_places)
        found.places = nullptr;
    return found;
}

// Returns the matches of one kind that are ranked.
RowList ranked_rows(const Matches &matches, KeptPlan &plan, char *latest, SearchParameters &parameters)
{
    RowList rows = (matches.latest ? matches : first_matches(plan, latest, parameters)).rows;
    sort_and_unite(rows);
    if (!matches.complete)
        rows.count = Min(rows.count, kRanked);
    return rows;
}

// Lets the server rank the rows, and returns the ids of those of the page.
Datum ids_by_server(const RowList &by_text, const RowList &by_name, const SearchParameters &parameters, int64 offset,
                    int64 limit)
{
    Oid const ids = get_array_type(bound_table(Entity::HealthRecords).columns[record::Id].type);
    Oid types[] = {TSQUERYOID, ids, ids, INT8OID, INT8OID};
    Datum const values[] = {parameters.values[0], ids_of_rows(by_text), ids_of_rows(by_name), Int64GetDatum(offset),
                            Int64GetDatum(limit)};
    char const nulls[] = {parameters.nulls[0], ' ', ' ', ' ', ' '};
    SPITupleTable *const table = ranked_plan.select(ids_by_rank(), lengthof(types), types, values, nulls);
    bool is_null = false;
    return SPI_getbinval(table->vals[0], table->tupdesc, 1, &is_null);
}

SearchPage ranked_page(const SearchQuery &query, SearchParameters &parameters, RecordParts *direct, int64 offset,
                       int64 limit)
{
    Matches const text = text_matches(query, parameters, direct, kRanked);
    Matches const names = name_matches(query, parameters, direct, kRanked, true);
    int const variant = parameters.variant();
    RowList by_text = ranked_rows(text, latest_text_plans[variant], latest_by_text(parameters), parameters);
    RowList by_name = ranked_rows(names, latest_name_plans[variant], latest_by_name(parameters), parameters);
    RowList rows{};
    append_rows(rows, by_text);
    append_rows(rows, by_name);
    sort_and_unite(rows);
    by_text = rows_of_page(by_text, 0, by_text.count);
    by_name = rows_of_page(by_name, 0, by_name.count);
    bool const complete = text.complete && names.complete;
    SearchPage found{0, complete ? rows.count : Max(rows.count, kExactTotal + 1), !complete, rows.count};
    if (parameters.reads_places)
        show_rows(found, rows_of_page(rows_by_rank(*direct, by_text, by_name, parameters.values[0]), offset, limit));
    else
        found.ids = ids_by_server(by_text, by_name, parameters, offset, limit);
    return found;
}

SearchPage find_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset, int64 limit)
{
    RecordParts parts;
    RecordParts *const direct = parts.open(parameters) ? &parts : nullptr;
    parameters.reads_places = direct != nullptr && !direct->asks();
    SearchPage const page = ranked ? ranked_page(query, parameters, direct, offset, limit)
                                   : latest_page(query, parameters, direct, offset, limit);
    if (direct != nullptr)
        direct->close();
    return page;
}

}  // namespace

// jit is off, because a walk ends long before it costs what the planner estimates: compiling would take longer than
// running.
SearchPage find_search_page(const SearchQuery &query, SearchParameters &parameters, bool ranked, int64 offset,
                            int64 limit)
{
    GucScope scope;
    scope.set("jit", "off");
    // The session may limit GIN searches to some of the matches; a search for a child's records must find all.
    scope.set("gin_fuzzy_search_limit", "0");
    SearchPage const page = find_page(query, parameters, ranked, offset, limit);
    scope.end();
    return page;
}

}  // namespace wc
