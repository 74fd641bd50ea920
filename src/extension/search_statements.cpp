#include "extension/search_statements.hpp"

extern "C" {
#include "tsearch/ts_type.h"
#include "utils/rls.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<SearchParameters>);

namespace {

constexpr const char *kJoined = " OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) ";

const BoundTable &records() { return bound_table(Entity::HealthRecords); }
const BoundTable &students() { return bound_table(Entity::Students); }

void append_or_empty(StringInfo query, const char *alias, const BoundTable &table, int attribute)
{
    appendStringInfoString(query, "COALESCE(");
    append_column(query, alias, NameStr(table.columns[attribute].name));
    appendStringInfoString(query, ", '')");
}

// The expressions of idx_health_records_search and idx_students_name, to the letter (binding.sql).
void append_document(StringInfo query)
{
    appendStringInfoString(query, "pg_catalog.to_tsvector('pg_catalog.english'::pg_catalog.regconfig, ");
    append_or_empty(query, "t", records(), record::Description);
    appendStringInfoString(query, kJoined);
    append_or_empty(query, "t", records(), record::Notes);
    appendStringInfoString(query, kJoined);
    append_or_empty(query, "t", records(), record::Provider);
    appendStringInfoChar(query, ')');
}

void append_name(StringInfo query)
{
    appendStringInfoString(query, "((");
    append_or_empty(query, "s", students(), student::FirstName);
    appendStringInfoString(query, kJoined);
    append_or_empty(query, "s", students(), student::LastName);
    appendStringInfoString(query, kJoined);
    append_or_empty(query, "s", students(), student::StudentNumber);
    appendStringInfoString(query, ") COLLATE pg_catalog.\"default\")");
}

void append_text_matches(StringInfo query, const char *parameter)
{
    append_document(query);
    appendStringInfo(query, " OPERATOR(pg_catalog.@@) %s", parameter);
}

// Nearly all records fulfil what excludes: an index would be read as a whole for it.  IS TRUE keeps it out.
void append_excluded(StringInfo query)
{
    appendStringInfoChar(query, '(');
    append_text_matches(query, "$5");
    appendStringInfoString(query, ") IS TRUE");
}

void append_name_matches(StringInfo query, const SearchParameters &parameters)
{
    append_name(query);
    // A part that has no trigrams would be looked for in all of the index, which is slower than the table.
    if (parameters.has_short_part)
        appendStringInfoString(query, " OPERATOR(pg_catalog.||) ''");
    appendStringInfoString(query, " OPERATOR(pg_catalog.~~*) $2");
    // Comparing takes longer than finding: not twice.
    if (parameters.has_several_parts) {
        appendStringInfoString(query, " AND ");
        append_name(query);
        appendStringInfoString(query, " OPERATOR(pg_catalog.~~*) ALL ($3)");
    }
    if (parameters.has_excluded_names) {
        appendStringInfoString(query, " AND ");
        append_name(query);
        appendStringInfoString(query, " OPERATOR(pg_catalog.!~~*) ALL ($4)");
    }
}

void append_of_type(StringInfo query, const SearchParameters &parameters)
{
    if (!parameters.has_type)
        return;
    appendStringInfoString(query, " AND ");
    append_attribute(query, records(), record::Type);
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) $6");
}

void append_student_of_record(StringInfo query)
{
    append_column(query, "s", NameStr(students().columns[student::Id].name));
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) ");
    append_attribute(query, records(), record::StudentId);
}

void append_id_and_date(StringInfo query)
{
    append_attribute(query, records(), record::Id);
    appendStringInfoString(query, " AS id, ");
    append_attribute(query, records(), record::Date);
    appendStringInfoString(query, " AS at");
}

void append_students(StringInfo query)
{
    append_table(query, NameStr(students().schema_name), NameStr(students().table_name));
    appendStringInfoString(query, " AS s");
}

// A record is shown only with its student.  Where no policy could hide one, looking would be for nothing.
void append_if_student_is_shown(StringInfo query, const SearchParameters &parameters)
{
    if (!parameters.students_may_be_hidden)
        return;
    appendStringInfoString(query, " AND EXISTS (SELECT FROM ");
    append_students(query);
    appendStringInfoString(query, " WHERE ");
    append_student_of_record(query);
    appendStringInfoChar(query, ')');
}

void append_from_text(StringInfo query, const SearchParameters &parameters)
{
    append_from(query, records());
    appendStringInfoString(query, " WHERE (");
    append_text_matches(query, "$1");
    appendStringInfoString(query, parameters.only_excludes ? ") IS TRUE" : ")");
    append_of_type(query, parameters);
    append_if_student_is_shown(query, parameters);
}

void append_from_names(StringInfo query, const SearchParameters &parameters)
{
    append_from(query, records());
    appendStringInfoString(query, " JOIN ");
    append_students(query);
    appendStringInfoString(query, " ON ");
    append_student_of_record(query);
    appendStringInfoString(query, " WHERE ");
    append_name_matches(query, parameters);
    if (parameters.has_excluded) {
        appendStringInfoString(query, " AND ");
        append_excluded(query);
    }
    append_of_type(query, parameters);
}

}  // namespace

SearchParameters::SearchParameters(const SearchQuery &query, const BoundColumn &type_column, bool is_of_type,
                                   Datum type, int64 offset, int64 limit)
    : types{TSQUERYOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TSQUERYOID, type_column.type, INT8OID, INT8OID},
      values{Datum{0}, query.name_part,       query.name_parts,    query.excluded_names, query.excluded,
             type,     Int64GetDatum(offset), Int64GetDatum(limit)},
      nulls{"        "},
      has_type(is_of_type),
      has_excluded(query.excluded != 0),
      has_short_part(query.name_part_is_short),
      has_several_parts(query.has_several_parts),
      has_excluded_names(query.has_excluded_names),
      only_excludes(has_excluded && !query.finds_names()),
      students_may_be_hidden(check_enable_rls(students().relation, InvalidOid, true) == RLS_ENABLED)
{
    set_text(query.words);
    nulls[1] = query.name_part == 0 ? 'n' : ' ';
    nulls[4] = has_excluded ? ' ' : 'n';
    nulls[5] = has_type ? ' ' : 'n';
}

void SearchParameters::set_text(Datum tsquery) noexcept
{
    values[0] = tsquery;
    nulls[0] = tsquery == 0 ? 'n' : ' ';
}

namespace {

using AppendMatches = void (*)(StringInfo, const SearchParameters &);

char *some_matches(const SearchParameters &parameters, AppendMatches append, const char *order, int limit)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_id_and_date(&query);
    append(&query, parameters);
    appendStringInfo(&query, "%s LIMIT %d", order, limit + 1);
    return query.data;
}

constexpr const char *kLatestFirst = " ORDER BY at DESC, id";

}  // namespace

char *matches_by_text(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_text, "", kExactTotal);
}

char *matches_by_name(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_names, "", kExactTotal);
}

char *latest_by_text(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_text, kLatestFirst, kRanked);
}

char *latest_by_name(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_names, kLatestFirst, kRanked);
}

char *students_by_name(const SearchParameters &parameters)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_column(&query, "s", NameStr(students().columns[student::Id].name));
    appendStringInfoString(&query, " FROM ");
    append_students(&query);
    appendStringInfoString(&query, " WHERE ");
    append_name_matches(&query, parameters);
    appendStringInfo(&query, " LIMIT %d", kMostStudents + 1);
    return query.data;
}

char *documents_of_records()
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_document(&query);
    append_from(&query, records());
    return query.data;
}

char *latest_records(const SearchParameters &parameters, bool by_text, bool by_name)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_id_and_date(&query);
    appendStringInfoString(&query, ", ((");
    if (by_text) {
        append_text_matches(&query, "$1");
        append_if_student_is_shown(&query, parameters);
    }
    if (by_text && by_name)
        appendStringInfoString(&query, " OR ");
    if (by_name) {
        appendStringInfoString(&query, "n.named");
        if (parameters.has_excluded) {
            appendStringInfoString(&query, " AND ");
            append_excluded(&query);
        }
    }
    appendStringInfoChar(&query, ')');
    append_of_type(&query, parameters);
    // A LIMIT inside, so that the order comes from an index and what is selected is computed row by row.
    appendStringInfoString(&query, ") IS TRUE FROM (SELECT ");
    append_attributes(&query, records(), record::kSummaryCount);
    append_from(&query, records());
    appendStringInfoString(&query, " ORDER BY ");
    append_attribute(&query, records(), record::Date);
    appendStringInfoString(&query, " DESC, ");
    append_attribute(&query, records(), record::Id);
    appendStringInfo(&query, " LIMIT %d) AS t", kLongestWalk);
    if (by_name) {
        appendStringInfoString(&query, " LEFT JOIN LATERAL (SELECT true AS named FROM ");
        append_students(&query);
        appendStringInfoString(&query, " WHERE ");
        append_student_of_record(&query);
        appendStringInfoString(&query, " AND ");
        append_name_matches(&query, parameters);
        appendStringInfoString(&query, " LIMIT 1) AS n ON true");
    }
    return query.data;
}

char *whole_page(const SearchParameters &parameters)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "WITH found AS MATERIALIZED (SELECT ");
    append_id_and_date(&query);
    append_from_text(&query, parameters);
    appendStringInfoString(&query, " UNION SELECT ");
    append_id_and_date(&query);
    append_from_names(&query, parameters);
    appendStringInfoString(
        &query,
        ") SELECT (SELECT pg_catalog.count(*) FROM found), ARRAY(SELECT f.id FROM found AS f ORDER BY "
        "f.at DESC, f.id OFFSET $7 LIMIT $8)");
    return query.data;
}

char *ids_by_rank()
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ARRAY(SELECT u.id FROM (SELECT ");
    append_id_and_date(&query);
    appendStringInfoString(&query, ", pg_catalog.ts_rank(");
    append_document(&query);
    appendStringInfoString(&query, ", $1) AS rank");
    append_from(&query, records());
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records(), record::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) ANY ($2) UNION ALL SELECT ");
    append_id_and_date(&query);
    // A rank is below 1: who is named comes before what is only mentioned.
    appendStringInfoString(&query, ", 1::pg_catalog.float4");
    append_from(&query, records());
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records(), record::Id);
    appendStringInfoString(&query,
                           " OPERATOR(pg_catalog.=) ANY ($3)) AS u GROUP BY u.id, u.at ORDER BY pg_catalog.sum(u.rank) "
                           "DESC, u.at DESC, u.id OFFSET $4 LIMIT $5)");
    return query.data;
}

char *records_of_page(bool highlighted)
{
    const BoundTable &table = bound_table(Entity::HealthRecords);
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attributes(&query, table, record::kCount);
    for (int const attribute : {student::Id, student::FirstName, student::LastName, student::StudentNumber}) {
        appendStringInfoString(&query, ", ");
        append_column(&query, "s", NameStr(students().columns[attribute].name));
    }
    for (int const attribute : {record::Description, record::Notes, record::Provider}) {
        if (!highlighted)
            break;
        // The marks are control characters (core/search/highlight.hpp), which the text must not have.
        appendStringInfoString(
            &query, ", pg_catalog.ts_headline('pg_catalog.english'::pg_catalog.regconfig, pg_catalog.translate(");
        append_attribute(&query, table, attribute);
        appendStringInfoString(&query,
                               ", E'\\x02\\x03', ''), $2, E'StartSel=\"\\x02\",StopSel=\"\\x03\",MaxFragments=3,"
                               "MaxWords=24,MinWords=8,ShortWord=0,FragmentDelimiter=\" ... \"')");
    }
    appendStringInfoString(&query, " FROM pg_catalog.unnest($1) WITH ORDINALITY AS u(id, n) JOIN ");
    append_table(&query, NameStr(table.schema_name), NameStr(table.table_name));
    appendStringInfoString(&query, " AS t ON ");
    append_attribute(&query, table, record::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) u.id LEFT JOIN ");
    append_students(&query);
    appendStringInfoString(&query, " ON ");
    append_student_of_record(&query);
    appendStringInfoString(&query, " ORDER BY u.n");
    return query.data;
}

}  // namespace wc
