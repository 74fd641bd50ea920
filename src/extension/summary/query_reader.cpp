#include "extension/summary/query_reader.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/binding/label.hpp"
#include "extension/query/kept_plan.hpp"
#include "extension/query/one_state.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<QueryReader>);

namespace {

enum Query { kStudents, kAllergies, kVitals, kVaccinations, kCounts };
KeptPlan plans_for_one[kCounts + 1];
KeptPlan plans_for_many[kCounts + 1];

// Gives the ids as u(id, n).  Every name and operator is qualified, so that no search_path can lead a query elsewhere.
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

constexpr const char *kEntered = "white_cross_entered";

const char *column_of_t(const BoundTable &table, int attribute)
{
    return psprintf("t.%s", quote_identifier(NameStr(table.columns[attribute].name)));
}

// Counts types one by one although a collation may hold them for equal.
void append_bytewise(StringInfo query, const BoundColumn &column)
{
    if (OidIsValid(column.collation))
        appendStringInfoString(query, " COLLATE pg_catalog.\"C\"");
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
    return query.data;
}

// Selects the latest records of each student that fulfil a condition.
char *latest_query(const char *ids, const BoundTable &table, const char *condition)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT u.n");
    append_columns(&query, table, record::kSummaryCount);
    appendStringInfoString(&query, ids);
    appendStringInfoString(&query, "CROSS JOIN LATERAL (SELECT ");
    append_columns_once(&query, table, record::kSummaryCount);
    // The entry gets a name of its own, since two attributes may be bound to one column.
    if (knows_entry(table)) {
        appendStringInfoString(&query, ", ");
        append_attribute(&query, table, record::CreatedAt);
        appendStringInfo(&query, " AS %s", kEntered);
    }
    append_from(&query, table);
    appendStringInfoString(&query, " WHERE ");
    append_of_student(&query, table, record::StudentId);
    appendStringInfo(&query, " AND %s", condition);
    append_order(&query, table, record_order(table));
    appendStringInfo(&query, " LIMIT %d) AS t ORDER BY u.n", kLatest);
    for (const SortKey &key : record_order(table)) {
        appendStringInfoString(&query, ", ");
        if (key.attribute == record::CreatedAt)
            appendStringInfoString(&query, kEntered);
        else
            append_attribute(&query, table, key.attribute);
        if (key.descending)
            appendStringInfoString(&query, " DESC");
    }
    return query.data;
}

char *counts_query(const char *ids, const BoundTable &table)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT u.n, ");
    append_attribute(&query, table, record::Type);
    append_bytewise(&query, table.columns[record::Type]);
    appendStringInfoString(&query, ", pg_catalog.count(*)");
    appendStringInfoString(&query, ids);
    appendStringInfoString(&query, "JOIN ");
    append_table(&query, NameStr(table.schema_name), NameStr(table.table_name));
    appendStringInfoString(&query, " AS t ON ");
    append_of_student(&query, table, record::StudentId);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, table, record::Type);
    appendStringInfoString(&query, " IS NOT NULL GROUP BY 1, 2, ");
    append_attribute(&query, table, record::Type);
    appendStringInfoString(&query, " ORDER BY 1, ");
    append_attribute(&query, table, record::Type);
    appendStringInfoString(&query, ", 2");
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
    LabelMatch const vaccination(type, label::kVaccination);
    StringInfoData is_vaccination;
    initStringInfo(&is_vaccination);
    vaccination.append_condition(&is_vaccination, column_of_t(records, record::Type), "$2");

    // The kind of the vital, not a comparison with 'null': the planner would think that hardly any row fulfils it,
    // and sort all of a student's records instead of taking the latest from an index.
    StringInfoData has_vital;
    initStringInfo(&has_vital);
    append_kind_of_json(&has_vital, records, record::Vital);
    appendStringInfoString(&has_vital, " OPERATOR(pg_catalog.<>) 'null'");
    char *const texts[kQueries] = {
        students_query(ids, students),
        is_absent(allergies) ? nullptr : allergies_query(ids, allergies),
        latest_query(ids, records, has_vital.data),
        latest_query(ids, records, is_vaccination.data),
        counts_query(ids, records),
    };
    Oid types[2] = {argument_type, type.type};
    Datum values[2] = {argument, vaccination.parameter_value()};
    char const nulls[2] = {' ', vaccination.parameter_null()};
    for (Result &result : results_)
        result = {};
    read_one_state({Entity::Students, Entity::Allergies, Entity::HealthRecords}, [&] {
        for (int i = 0; i < kQueries; ++i) {
            SPI_freetuptable(results_[i].rows);
            results_[i] = {};
            if (texts[i] == nullptr)
                continue;
            int const parameters = i == kVaccinations ? 2 : 1;
            SPITupleTable *const rows = plans[i].select(texts[i], parameters, types, values, nulls);
            results_[i] = {rows, rows->numvals, 0};
        }
    });
    position_ = 0;
}

void QueryReader::close()
{
    for (Result &result : results_) {
        if (result.rows != nullptr)
            SPI_freetuptable(result.rows);
    }
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
    // The rows of an unknown student, or of one whom a policy hides, are passed over too.
    take_all(results_[kAllergies], allergy::kCount, facts.allergies);
    sort_allergies(bound_table(Entity::Allergies), facts.allergies);
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
