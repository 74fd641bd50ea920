// wc_growth_prevalence: how many students are in each BMI category.
//
// It runs one statement over all students, which the planner divides among parallel workers.  For each student the
// statement calls a function that searches the records, from the latest one back, for one with a measurement.  (Only
// the leader would run a correlated query in its place: PostgreSQL runs neither LIMIT in a lateral subquery nor
// correlated subplans in parallel workers.)
#include "extension/binding/enum_label.hpp"
#include "extension/growth/as_of.hpp"
#include "extension/query/kept_plan.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/guc_scope.hpp"
#include "extension/server/result_rows.hpp"

namespace wc {
namespace {

constexpr growth::Category kCategories[] = {growth::Category::Underweight,   growth::Category::Healthy,
                                            growth::Category::Overweight,    growth::Category::ObesityClass1,
                                            growth::Category::ObesityClass2, growth::Category::ObesityClass3};

void append_word(StringInfo query, const char *separator, std::string_view word)
{
    appendStringInfo(query, "%s\"%.*s\"", separator, static_cast<int>(word.size()), word.data());
}

// Appends '{"underweight", …}'::pg_catalog.text[], with the groups that have no category at the end.
void append_groups(StringInfo query, bool with_others)
{
    const char *separator = "'{";
    for (growth::Category const category : kCategories) {
        append_word(query, separator, growth::name(category));
        separator = ",";
    }
    if (with_others) {
        for (std::string_view const word : {kToBeChecked, kNoRecentMeasurement, kNoReference})
            append_word(query, ",", word);
    }
    appendStringInfoString(query, "}'::pg_catalog.text[]");
}

// Appends an SQL expression for the sex: one name for all spellings of a sex that has a reference, and other texts in
// lower case.
void append_sex(StringInfo query, const BoundTable &students)
{
    StringInfoData word;
    initStringInfo(&word);
    appendStringInfoString(&word, "pg_catalog.lower(pg_catalog.btrim(");
    append_label_text(&word, students, student::Gender);
    appendStringInfoString(&word, ", E' \\t\\n\\v\\f\\r') COLLATE pg_catalog.\"C\")");
    appendStringInfoString(query, "CASE");
    for (growth::Sex const sex : {growth::Sex::Male, growth::Sex::Female}) {
        appendStringInfo(query, " WHEN %s OPERATOR(pg_catalog.=) ANY (", word.data);
        const char *separator = "'{";
        for (const growth::SexSpelling &spelling : growth::kSexSpellings) {
            if (spelling.sex != sex)
                continue;
            append_word(query, separator, spelling.text);
            separator = ",";
        }
        appendStringInfo(query, "}'::pg_catalog.text[]) THEN '%s'", growth::name(sex).data());
    }
    appendStringInfo(query, " ELSE %s END", word.data);
}

// Returns the type of wc_bmi_group_of's overload for an id.  The call casts to exactly this type, because another
// role's function in that schema could fit a varchar better.
const char *overload(Oid id)
{
    switch (id) {
        case UUIDOID: return "uuid";
        case INT8OID:
        case INT4OID:
        case INT2OID: return "int8";
        default: return "text";
    }
}

// Appends the statement, whose parameters are $1: as of, $2: the grade or NULL, $3: within.
void append_statement(StringInfo query, const BoundTable &students, const char *function)
{
    const BoundColumn &id = students.columns[student::Id];
    const BoundColumn &active = students.columns[student::IsActive];
    initStringInfo(query);
    appendStringInfoString(query, "WITH counted AS (SELECT ");
    append_label_text(query, students, student::Grade);
    appendStringInfoString(query, " AS grade, ");
    append_sex(query, students);
    appendStringInfo(query, " AS sex, %s(t.%s::pg_catalog.%s, $1, $3) AS category, pg_catalog.count(*) AS students",
                     function, quote_identifier(NameStr(id.name)), overload(id.type));
    append_from(query, students);
    appendStringInfoString(query, " WHERE ($2 IS NULL OR ");
    append_label_text(query, students, student::Grade);
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) $2)");
    if (active.number != InvalidAttrNumber)
        appendStringInfo(query, " AND t.%s IS NOT FALSE", quote_identifier(NameStr(active.name)));
    appendStringInfoString(query,
                           " GROUP BY 1, 2, 3), told AS (SELECT c.grade, c.sex, c.category, c.students, "
                           "c.category OPERATOR(pg_catalog.=) ANY (");
    append_groups(query, false);
    appendStringInfoString(query,
                           ") AS is_known FROM counted AS c) "
                           "SELECT t.grade, t.sex, t.category, t.students, CASE WHEN t.is_known THEN "
                           "100.0::pg_catalog.float8 OPERATOR(pg_catalog.*) t.students::pg_catalog.float8 "
                           "OPERATOR(pg_catalog./) (pg_catalog.sum(t.students) FILTER (WHERE t.is_known) "
                           "OVER (PARTITION BY t.grade, t.sex))::pg_catalog.float8 END, $1, $3 FROM told AS t "
                           "ORDER BY t.grade, t.sex, pg_catalog.array_position(");
    append_groups(query, true);
    appendStringInfoString(query, ", t.category)");
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_growth_prevalence(grade text, as_of text | date | timestamptz, within interval)
// → (student_grade, sex, category, students, percent, as_of, within)
WC_READING_FUNCTION(wc_growth_prevalence)
{
    ResultRows rows(fcinfo);
    lock_tables({Entity::Students, Entity::HealthRecords});
    const BoundTable &students = lock_whole_table(Entity::Students);
    char *const home = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
    StringInfoData query;
    append_statement(&query, students, quote_qualified_identifier(home, "wc_bmi_group_of"));
    // Check the arguments here, so that wrong ones are an error even if there are no students.
    Period const period = period_arguments(fcinfo, 1, 2);
    Oid types[] = {TIMESTAMPTZOID, TEXTOID, INTERVALOID};
    Datum values[] = {TimestampTzGetDatum(period.until), PG_ARGISNULL(0) ? Datum{0} : PG_GETARG_DATUM(0),
                      PG_ARGISNULL(2) ? Datum{0} : PG_GETARG_DATUM(2)};
    char const nulls[] = {' ', PG_ARGISNULL(0) ? 'n' : ' ', PG_ARGISNULL(2) ? 'n' : ' ', '\0'};
    SPI_connect();
    // The record of this call is in this process, where the function notes the students that it looks at.
    GucScope alone;
    if (audit::is_recording())
        alone.set("max_parallel_workers_per_gather", "0");
    // Among SPI's functions, this one allows parallel workers.
    int const code = SPI_execute_with_args(query.data, 3, types, values, nulls, true, 0);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(code));
    alone.end();
    check_names();
    constexpr int kColumns = 7;
    for (uint64 i = 0; i < SPI_processed; ++i) {
        Datum columns[kColumns];
        bool column_nulls[kColumns];
        for (int c = 0; c < kColumns; ++c)
            columns[c] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, c + 1, &column_nulls[c]);
        rows.put(columns, column_nulls);
    }
    SPI_finish();
    return rows.finish();
}
