#include "extension/query_reader.hpp"

#include "extension/kept_plan.hpp"
#include "extension/record_type.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<QueryReader>);

namespace {

enum Query { kStudents, kAllergies, kVitals, kVaccinations, kCounts };
KeptPlan plans_for_one[kCounts + 1];
KeptPlan plans_for_many[kCounts + 1];

// Where the ids come from, as u(id, n).  Every name and operator is qualified: no search_path can lead a
// query elsewhere.
constexpr const char *kOne = " FROM (SELECT $1 AS id, 1::pg_catalog.int8 AS n) AS u ";
constexpr const char *kMany = " FROM pg_catalog.unnest($1) WITH ORDINALITY AS u(id, n) ";

void append_columns(StringInfo query, const BoundTable &table, int count)
{
    appendStringInfoString(query, ", ");
    append_attributes(query, table, count);
}

void append_of_student(StringInfo query, const BoundTable &table, int attribute)
{
    append_attribute(query, table, attribute);
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) u.id");
}

void append_order(StringInfo query, const BoundTable &table, std::initializer_list<SortKey> keys)
{
    for (const SortKey &key : keys) {
        appendStringInfoString(query, ", ");
        append_attribute(query, table, key.attribute);
        if (key.descending)
            appendStringInfoString(query, " DESC");
    }
}

char *students_query(const char *ids, const BoundTable &table)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT u.n");
    append_columns(&query, table, student::kSummaryCount);
    appendStringInfoString(&query, ids);
    appendStringInfoString(&query, "JOIN ");
    append_table(&query, NameStr(table.schema_name), NameStr(table.table_name));
    appendStringInfoString(&query, " AS t ON ");
    append_of_student(&query, table, student::Id);
    appendStringInfoString(&query, " ORDER BY u.n");
    return query.data;
}

char *allergies_query(const char *ids, const BoundTable &table)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT u.n");
    append_columns(&query, table, allergy::kCount);
    appendStringInfoString(&query, ids);
    appendStringInfoString(&query, "JOIN ");
    append_table(&query, NameStr(table.schema_name), NameStr(table.table_name));
    appendStringInfoString(&query, " AS t ON ");
    append_of_student(&query, table, allergy::StudentId);
    appendStringInfoString(&query, " ORDER BY u.n");
    append_order(&query, table, {{allergy::Severity, true}, {allergy::Allergen, false}, {allergy::Id, false}});
    return query.data;
}

// The latest records that fulfil a condition, by student.
char *latest_query(const char *ids, const BoundTable &table, const char *condition, int attribute)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT u.n");
    append_columns(&query, table, record::kSummaryCount);
    appendStringInfoString(&query, ids);
    appendStringInfoString(&query, "CROSS JOIN LATERAL (SELECT ");
    append_attributes(&query, table, record::kSummaryCount);
    append_from(&query, table);
    appendStringInfoString(&query, " WHERE ");
    append_of_student(&query, table, record::StudentId);
    appendStringInfo(&query, condition, quote_identifier(NameStr(table.columns[attribute].name)));
    appendStringInfoString(&query, " ORDER BY ");
    append_attribute(&query, table, record::Date);
    appendStringInfoString(&query, " DESC");
    append_order(&query, table, {{record::Id, false}});
    appendStringInfo(&query, " LIMIT %d) AS t ORDER BY u.n", kLatest);
    append_order(&query, table, {{record::Date, true}, {record::Id, false}});
    return query.data;
}

char *counts_query(const char *ids, const BoundTable &table)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT u.n, ");
    append_attribute(&query, table, record::Type);
    appendStringInfoString(&query, ", pg_catalog.count(*)");
    appendStringInfoString(&query, ids);
    appendStringInfoString(&query, "JOIN ");
    append_table(&query, NameStr(table.schema_name), NameStr(table.table_name));
    appendStringInfoString(&query, " AS t ON ");
    append_of_student(&query, table, record::StudentId);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, table, record::Type);
    appendStringInfoString(&query, " IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2");
    return query.data;
}

Datum column_of(const SPITupleTable *rows, std::uint64_t at, int column, bool &is_null)
{
    return SPI_getbinval(rows->vals[at], rows->tupdesc, column, &is_null);
}

}  // namespace

void QueryReader::open_one(Datum id)
{
    open(kOne, plans_for_one, id, bound_table(Entity::Students).columns[student::Id].type);
}

void QueryReader::open_many(Datum ids)
{
    open(kMany, plans_for_many, ids, get_array_type(bound_table(Entity::Students).columns[student::Id].type));
}

void QueryReader::open(const char *ids, KeptPlan *plans, Datum argument, Oid argument_type)
{
    const BoundTable &students = bound_table(Entity::Students);
    const BoundTable &records = bound_table(Entity::HealthRecords);
    const BoundTable &allergies = bound_table(Entity::Allergies);
    const BoundColumn &type = records.columns[record::Type];
    Datum vaccination = 0;
    bool const has_vaccination = find_record_type(type, kVaccination, vaccination);

    // jsonb_typeof, not a comparison with 'null': the planner would think that hardly any row fulfils it,
    // and sort all of a student's records instead of taking the latest from an index.
    char *const texts[kQueries] = {
        students_query(ids, students),
        allergies_query(ids, allergies),
        latest_query(ids, records, " AND pg_catalog.jsonb_typeof(t.%s) OPERATOR(pg_catalog.<>) 'null'", record::Vital),
        latest_query(ids, records, " AND t.%s OPERATOR(pg_catalog.=) $2", record::Type),
        counts_query(ids, records),
    };
    Oid types[2] = {argument_type, type.type};
    Datum values[2] = {argument, vaccination};
    char const nulls[2] = {' ', has_vaccination ? ' ' : 'n'};
    for (int i = 0; i < kQueries; ++i) {
        int const parameters = i == kVaccinations ? 2 : 1;
        SPITupleTable *const rows = plans[i].select(texts[i], parameters, types, values, nulls);
        results_[i] = {rows, rows->numvals, 0};
        pfree(texts[i]);
    }
    position_ = 0;
}

void QueryReader::close()
{
    for (Result &result : results_)
        SPI_freetuptable(result.rows);
}

bool QueryReader::is_current(const Result &result) const
{
    bool is_null = false;
    return result.at < result.count && DatumGetInt64(column_of(result.rows, result.at, 1, is_null)) == position_;
}

bool QueryReader::take(Result &result, int count, Row &row)
{
    if (!is_current(result))
        return false;
    read_row(result.rows, result.at, 2, count, row);
    ++result.at;
    return true;
}

void QueryReader::take_all(Result &result, int count, RowList &rows)
{
    while (is_current(result))
        take(result, count, rows.add());
}

void QueryReader::next(Facts &facts)
{
    facts = Facts{};
    ++position_;
    facts.found = take(results_[kStudents], student::kSummaryCount, facts.student);
    // Rows of a student that is not shown, by policy or because none is there, are passed over too.
    take_all(results_[kAllergies], allergy::kCount, facts.allergies);
    take_all(results_[kVitals], record::kSummaryCount, facts.vitals);
    take_all(results_[kVaccinations], record::kSummaryCount, facts.vaccinations);
    Result &counts = results_[kCounts];
    std::uint64_t const first = counts.at;
    while (is_current(counts))
        ++counts.at;
    facts.count_of_types = static_cast<int>(counts.at - first);
    facts.counts = static_cast<TypeCount *>(palloc(sizeof(TypeCount) * (counts.at - first + 1)));
    for (std::uint64_t i = first; i < counts.at; ++i) {
        bool is_null = false;
        facts.counts[i - first] = {column_of(counts.rows, i, 2, is_null),
                                   DatumGetInt64(column_of(counts.rows, i, 3, is_null))};
    }
}

}  // namespace wc
