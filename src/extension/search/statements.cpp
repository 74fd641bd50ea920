#include "extension/search/statements.hpp"

extern "C" {
#include "tsearch/ts_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
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

// Append the expressions of idx_health_records_search and idx_students_name, exactly as sql/install/indexes.sql has
// them.
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

// Appends the condition for excluded terms.  Nearly all records fulfil it, so an index would be read as a whole; IS
// TRUE keeps the planner from using one.
void append_excluded(StringInfo query)
{
    appendStringInfoChar(query, '(');
    append_text_matches(query, "$5");
    appendStringInfoString(query, ") IS TRUE");
}

void append_name_matches(StringInfo query, const SearchParameters &parameters)
{
    append_name(query);
    // A name part without trigrams makes the index scan read all of the index, which is slower than reading the table.
    if (parameters.has_short_part)
        appendStringInfoString(query, " OPERATOR(pg_catalog.||) ''");
    appendStringInfoString(query, " OPERATOR(pg_catalog.~~*) $2");
    if (parameters.has_second_part) {
        appendStringInfoString(query, " AND ");
        append_name(query);
        appendStringInfoString(query, " OPERATOR(pg_catalog.~~*) $9");
    }
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

void append_entry(StringInfo query, const char *name = "entered")
{
    if (!knows_entry(records()))
        return;
    appendStringInfoString(query, ", ");
    append_attribute(query, records(), record::CreatedAt);
    appendStringInfo(query, " AS %s", name);
}

// Appends the keys of the order of records: id, date, and, if there is a column for it, the time of entry.
void append_keys(StringInfo query)
{
    append_id_and_date(query);
    append_entry(query);
}

// Appends where the row is, if that is wanted: a row of a foreign table has no position.
void append_place(StringInfo query, const SearchParameters &parameters, const char *part, const char *position)
{
    if (parameters.reads_places)
        appendStringInfo(query, ", t.tableoid AS %s, t.ctid AS %s", part, position);
    else
        appendStringInfo(query, ", NULL::pg_catalog.oid AS %s, NULL::pg_catalog.tid AS %s", part, position);
}

void append_keys_and_place(StringInfo query, const SearchParameters &parameters)
{
    append_keys(query);
    append_place(query, parameters, "part", "position");
}

void append_students(StringInfo query)
{
    append_table(query, NameStr(students().schema_name), NameStr(students().table_name));
    appendStringInfoString(query, " AS s");
}

// Appends the condition that the caller may see the record's student.  Without row-level security it is not needed.
void append_if_student_is_shown(StringInfo query, const SearchParameters &parameters)
{
    if (!parameters.students_may_be_hidden)
        return;
    StringInfoData id;
    initStringInfo(&id);
    append_attribute(&id, records(), record::StudentId);
    append_if_student_is_shown(query, students(), id.data);
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
    : types{TSQUERYOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TSQUERYOID, type_column.type, INT8OID, INT8OID, TEXTOID},
      values{Datum{0}, query.name_part,       query.name_parts,     query.excluded_names,  query.excluded,
             type,     Int64GetDatum(offset), Int64GetDatum(limit), query.second_name_part},
      nulls{"         "},
      has_type(is_of_type),
      has_excluded(query.excluded != 0),
      has_short_part(query.name_part_is_short),
      has_second_part(query.second_name_part != 0),
      has_several_parts(query.has_several_parts),
      has_excluded_names(query.has_excluded_names),
      only_excludes(has_excluded && !query.finds_names()),
      students_may_be_hidden(check_enable_rls(students().relation, InvalidOid, true) == RLS_ENABLED),
      words_need_each_record(check_enable_rls(records().relation, InvalidOid, true) == RLS_ENABLED &&
                             !get_func_leakproof(F_TS_MATCH_VQ))
{
    set_text(query.words);
    nulls[1] = query.name_part == 0 ? 'n' : ' ';
    nulls[4] = has_excluded ? ' ' : 'n';
    nulls[5] = has_type ? ' ' : 'n';
    nulls[8] = has_second_part ? ' ' : 'n';
}

void SearchParameters::set_text(Datum tsquery) noexcept
{
    values[0] = tsquery;
    nulls[0] = tsquery == 0 ? 'n' : ' ';
}

namespace {

// Returns the order of records for the columns that append_place() selects.  `alias` includes its dot.
const char *latest_first(const char *alias)
{
    if (knows_entry(records()))
        return psprintf(" ORDER BY %1$sat DESC, %1$sentered DESC, %1$sid", alias);
    return psprintf(" ORDER BY %1$sat DESC, %1$sid", alias);
}

using AppendMatches = void (*)(StringInfo, const SearchParameters &);

char *some_matches(const SearchParameters &parameters, AppendMatches append, bool latest, int limit)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_keys_and_place(&query, parameters);
    append(&query, parameters);
    appendStringInfo(&query, "%s LIMIT %d", latest ? latest_first("") : "", limit + 1);
    return query.data;
}

}  // namespace

char *matches_by_text(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_text, false, kExactTotal);
}

char *matches_by_name(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_names, false, kExactTotal);
}

char *latest_by_text(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_text, true, kRanked);
}

char *latest_by_name(const SearchParameters &parameters)
{
    return some_matches(parameters, append_from_names, true, kRanked);
}

namespace {

// The OFFSET 0 keeps the planner from walking through an index of dates, which it expects to end early: the search has
// tried that before.  The sort keeps only as many rows as are selected.
char *page_of_matches(const SearchParameters &parameters, AppendMatches append)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfo(&query, "SELECT f.id, f.at%s, f.part, f.position FROM (SELECT ",
                     knows_entry(records()) ? ", f.entered" : "");
    append_keys_and_place(&query, parameters);
    append(&query, parameters);
    appendStringInfo(&query, " OFFSET 0) AS f%s LIMIT $7 OPERATOR(pg_catalog.+) $8", latest_first("f."));
    return query.data;
}

}  // namespace

char *page_by_text(const SearchParameters &parameters) { return page_of_matches(parameters, append_from_text); }
char *page_by_name(const SearchParameters &parameters) { return page_of_matches(parameters, append_from_names); }

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

char *names_of_students()
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_name(&query);
    appendStringInfoString(&query, " FROM ");
    append_students(&query);
    return query.data;
}

namespace {

// The executor looks at these positions only, before any policy: comparing them is leakproof.  So is comparing the
// table's oid.  The planner knows that it has one value in each partition, so from an equation it would expect rows of
// all of them, and read all students rather than some by their ids.  From two bounds it expects few.
void append_at_positions(StringInfo query, const char *alias)
{
    appendStringInfo(query,
                     " WHERE %1$s.ctid OPERATOR(pg_catalog.=) ANY ($1) AND %1$s.tableoid OPERATOR(pg_catalog.>=) $2"
                     " AND %1$s.tableoid OPERATOR(pg_catalog.<=) $2",
                     alias);
}

}  // namespace

char *shown_records(const SearchParameters &parameters)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT t.ctid");
    append_from(&query, records());
    append_at_positions(&query, "t");
    append_if_student_is_shown(&query, parameters);
    return query.data;
}

char *shown_students()
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT s.ctid FROM ");
    append_students(&query);
    append_at_positions(&query, "s");
    return query.data;
}

char *latest_records(const SearchParameters &parameters, bool by_text, bool by_name)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_id_and_date(&query);
    if (knows_entry(records()))
        appendStringInfoString(&query, ", t.white_cross_entered");
    appendStringInfoString(&query, ", t.white_cross_part, t.white_cross_position");
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
    // The LIMIT or OFFSET is inside the subquery, so that an index gives the order and the selected columns are
    // computed row by row.
    appendStringInfoString(&query, ") IS TRUE FROM (SELECT ");
    append_columns_once(&query, records(), record::kSummaryCount);
    // Use names that no column of the application has.
    append_entry(&query, "white_cross_entered");
    append_place(&query, parameters, "white_cross_part", "white_cross_position");
    append_from(&query, records());
    append_order(&query, records(), record_order(records()));
    if (parameters.words_need_each_record)
        appendStringInfoString(&query, " OFFSET 0) AS t");
    else
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
    append_keys(&query);
    append_from_text(&query, parameters);
    appendStringInfoString(&query, " UNION SELECT ");
    append_keys(&query);
    append_from_names(&query, parameters);
    appendStringInfoString(&query,
                           ") SELECT (SELECT pg_catalog.count(*) FROM found), ARRAY(SELECT f.id FROM found AS f");
    appendStringInfo(&query, "%s OFFSET $7 LIMIT $8)", latest_first("f."));
    return query.data;
}

char *ids_by_rank()
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ARRAY(SELECT u.id FROM (SELECT ");
    append_keys(&query);
    appendStringInfoString(&query, ", pg_catalog.ts_rank(");
    append_document(&query);
    appendStringInfoString(&query, ", $1) AS rank");
    append_from(&query, records());
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records(), record::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) ANY ($2) UNION ALL SELECT ");
    append_keys(&query);
    // ts_rank is below 1, so a record of a student with that name comes before records that mention it.
    appendStringInfoString(&query, ", 1::pg_catalog.float4");
    append_from(&query, records());
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records(), record::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) ANY ($3)) AS u GROUP BY u.id, u.at");
    bool const by_entry = knows_entry(records());
    appendStringInfo(&query, "%s ORDER BY pg_catalog.sum(u.rank) DESC, u.at DESC, %su.id OFFSET $4 LIMIT $5)",
                     by_entry ? ", u.entered" : "", by_entry ? "u.entered DESC, " : "");
    return query.data;
}

char *records_of_page()
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
