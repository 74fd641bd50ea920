// How many children are in each BMI category.
//
// One statement over all students, which the planner shares among parallel workers: it calls for each student a
// function that goes from the latest record back to one with a plausible measurement.  (A correlated query in its place
// would be run by the leader alone: PostgreSQL does not share LIMIT in a lateral subquery, nor correlated subplans.)
#include "extension/boundary.hpp"
#include "extension/kept_plan.hpp"
#include "extension/latest_category.hpp"
#include "extension/result_rows.hpp"
#include "extension/student_id.hpp"

namespace wc {
namespace {

TimestampTz as_of_argument(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(n);
}

void append_statement(StringInfo query, const BoundTable &students, const char *function)
{
    const char *const grade = quote_identifier(NameStr(students.columns[student::Grade].name));
    const char *const sex = quote_identifier(NameStr(students.columns[student::Gender].name));
    const char *const id = quote_identifier(NameStr(students.columns[student::Id].name));
    initStringInfo(query);
    appendStringInfo(
        query,
        "WITH counted AS (SELECT t.%s::pg_catalog.text AS grade, pg_catalog.lower(t.%s::pg_catalog.text) AS "
        "sex, %s(t.%s, $1) AS category, pg_catalog.count(*) AS students",
        grade, sex, function, id);
    append_from(query, students);
    appendStringInfo(query,
                     " WHERE $2 IS NULL OR t.%s::pg_catalog.text OPERATOR(pg_catalog.=) $2 GROUP BY 1, 2, 3) "
                     "SELECT grade, sex, category, students, CASE WHEN category IS NOT NULL THEN "
                     "100.0::pg_catalog.float8 OPERATOR(pg_catalog.*) students::pg_catalog.float8 "
                     "OPERATOR(pg_catalog./) (pg_catalog.sum(students) FILTER (WHERE category IS NOT NULL) "
                     "OVER (PARTITION BY grade, sex))::pg_catalog.float8 END FROM counted ORDER BY grade, sex, "
                     "pg_catalog.array_position('{underweight,healthy,overweight,obesity class 1,obesity class 2,"
                     "obesity class 3}'::pg_catalog.text[], category)",
                     grade);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_bmi_category_of(student_id text | uuid | bigint, as_of timestamptz)
WC_FUNCTION(wc_bmi_category_of)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    TimestampTz const as_of = as_of_argument(fcinfo, 1);
    Datum id = 0;
    growth::Category category{};
    if (!convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                            bound_table(Entity::Students).columns[student::Id], id) ||
        !find_latest_category(id, as_of, category))
        PG_RETURN_NULL();
    std::string_view const name = growth::name(category);
    PG_RETURN_TEXT_P(cstring_to_text_with_len(name.data(), static_cast<int>(name.size())));
}

// wc_growth_prevalence(grade text, as_of timestamptz) → (student_grade, sex, category, students, percent)
WC_FUNCTION(wc_growth_prevalence)
{
    ResultRows rows(fcinfo);
    const BoundTable &students = lock_whole_table(Entity::Students);
    char *const home = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
    StringInfoData query;
    append_statement(&query, students, quote_qualified_identifier(home, "wc_bmi_category_of"));
    Oid types[] = {TIMESTAMPTZOID, TEXTOID};
    Datum values[] = {TimestampTzGetDatum(as_of_argument(fcinfo, 1)), PG_ARGISNULL(0) ? Datum{0} : PG_GETARG_DATUM(0)};
    char const nulls[] = {' ', PG_ARGISNULL(0) ? 'n' : ' ', '\0'};
    SPI_connect();
    // Of all ways to run a statement this one lets it be shared by parallel workers.
    int const code = SPI_execute_with_args(query.data, 2, types, values, nulls, true, 0);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(code));
    constexpr int kColumns = 5;
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
