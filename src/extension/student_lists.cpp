#include "extension/student_lists.hpp"

#include "extension/boundary.hpp"
#include "extension/facts.hpp"
#include "extension/item.hpp"
#include "extension/json_value.hpp"
#include "extension/kept_plan.hpp"
#include "extension/record_type.hpp"
#include "extension/student_id.hpp"

namespace wc {
namespace {

KeptPlan conditions_plan;
KeptPlan shown_conditions_plan;
KeptPlan allergies_plan;
KeptPlan vitals_plan;
KeptPlan vaccinations_plan;

constexpr int32 kMostVitals = 500;

// A query for the first `count` attributes of a student's rows, as far as ` WHERE student = $1`.
void begin_query(StringInfo query, const BoundTable &table, int count, int student_attribute)
{
    initStringInfo(query);
    appendStringInfoString(query, "SELECT ");
    append_attributes(query, table, count);
    append_from(query, table);
    appendStringInfoString(query, " WHERE ");
    append_attribute(query, table, student_attribute);
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) $1");
}

// What is there of a student that the caller may not see is not shown either.
void append_if_student_is_shown(StringInfo query)
{
    const BoundTable &students = lock_bound_table(Entity::Students);
    appendStringInfoString(query, " AND EXISTS (SELECT FROM ");
    append_table(query, NameStr(students.schema_name), NameStr(students.table_name));
    appendStringInfoString(query, " AS s WHERE ");
    append_column(query, "s", NameStr(students.columns[student::Id].name));
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) $1)");
}

void append_latest_first(StringInfo query, const BoundTable &records)
{
    appendStringInfoString(query, " ORDER BY ");
    append_attribute(query, records, record::Date);
    appendStringInfoString(query, " DESC, ");
    append_attribute(query, records, record::Id);
}

void append_conditions_order(StringInfo query, const BoundTable &table)
{
    appendStringInfoString(query, " ORDER BY ");
    append_attribute(query, table, condition::Status);
    appendStringInfoString(query, ", ");
    append_attribute(query, table, condition::Condition);
    appendStringInfoString(query, ", ");
    append_attribute(query, table, condition::Id);
}

// A function of a student's id that gives a list; `write` runs between SPI_connect and SPI_finish.
template <class Write>
Datum list_of_student(FunctionCallInfo fcinfo, Write write)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    json::Buffer out = make_buffer();
    Datum id = 0;
    if (convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                           bound_table(Entity::Students).columns[student::Id], id)) {
        SPI_connect();
        write(out, id);
        SPI_finish();
    } else {
        out.append(std::string_view{"[]"});
    }
    return finish_text(out);
}

void write_list(json::Buffer &out, const ItemShape &shape, const BoundTable &table, int count, SPITupleTable *rows)
{
    write_items(out, shape, table, read_rows(rows, count));
    SPI_freetuptable(rows);
}

}  // namespace

void write_conditions(json::Buffer &out, Datum student_id)
{
    const BoundTable &table = lock_bound_table(Entity::ChronicConditions);
    StringInfoData query;
    begin_query(&query, table, condition::kCount, condition::StudentId);
    append_conditions_order(&query, table);
    Oid types[] = {table.columns[condition::StudentId].type};
    write_list(out, kConditionItem, table, condition::kCount,
               conditions_plan.select(query.data, 1, types, &student_id));
}

}  // namespace wc

using namespace wc;

// wc_student_conditions(student_id text | uuid | bigint)
WC_FUNCTION(wc_student_conditions)
{
    return list_of_student(fcinfo, [](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::ChronicConditions);
        StringInfoData query;
        begin_query(&query, table, condition::kCount, condition::StudentId);
        append_if_student_is_shown(&query);
        append_conditions_order(&query, table);
        Oid types[] = {table.columns[condition::StudentId].type};
        write_list(out, kConditionItem, table, condition::kCount,
                   shown_conditions_plan.select(query.data, 1, types, &id));
    });
}

// wc_student_allergies(student_id text | uuid | bigint)
WC_FUNCTION(wc_student_allergies)
{
    return list_of_student(fcinfo, [](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::Allergies);
        StringInfoData query;
        begin_query(&query, table, allergy::kCount, allergy::StudentId);
        append_if_student_is_shown(&query);
        appendStringInfoString(&query, " ORDER BY ");
        append_attribute(&query, table, allergy::Severity);
        appendStringInfoString(&query, " DESC, ");
        append_attribute(&query, table, allergy::Allergen);
        appendStringInfoString(&query, ", ");
        append_attribute(&query, table, allergy::Id);
        Oid types[] = {table.columns[allergy::StudentId].type};
        write_list(out, kAllergyItem, table, allergy::kCount, allergies_plan.select(query.data, 1, types, &id));
    });
}

// wc_recent_vitals(student_id text | uuid | bigint, n integer)
WC_FUNCTION(wc_recent_vitals)
{
    int32 const n = PG_ARGISNULL(1) ? kLatest : PG_GETARG_INT32(1);
    if (n < 1 || n > kMostVitals)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%d vitals cannot be asked for", n),
                        errhint("\"n\" is from 1 to %d; wc_student_records gives more, page by page.", kMostVitals)));
    return list_of_student(fcinfo, [n](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::HealthRecords);
        StringInfoData query;
        begin_query(&query, table, record::kSummaryCount, record::StudentId);
        // Written as in query_reader.cpp, for the sake of the plan.
        appendStringInfoString(&query, " AND pg_catalog.jsonb_typeof(");
        append_attribute(&query, table, record::Vital);
        appendStringInfoString(&query, ") OPERATOR(pg_catalog.<>) 'null'");
        append_if_student_is_shown(&query);
        append_latest_first(&query, table);
        appendStringInfoString(&query, " LIMIT $2");
        Oid types[] = {table.columns[record::StudentId].type, INT8OID};
        Datum const values[] = {id, Int64GetDatum(n)};
        write_list(out, kVitalItem, table, record::kSummaryCount, vitals_plan.select(query.data, 2, types, values));
    });
}

// wc_vaccinations(student_id text | uuid | bigint)
WC_FUNCTION(wc_vaccinations)
{
    return list_of_student(fcinfo, [](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::HealthRecords);
        const BoundColumn &type = table.columns[record::Type];
        Datum vaccination = 0;
        bool const has_vaccination = find_record_type(type, kVaccination, vaccination);
        StringInfoData query;
        begin_query(&query, table, record::kSummaryCount, record::StudentId);
        appendStringInfoString(&query, " AND ");
        append_attribute(&query, table, record::Type);
        appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $2");
        append_if_student_is_shown(&query);
        append_latest_first(&query, table);
        Oid types[] = {table.columns[record::StudentId].type, type.type};
        Datum const values[] = {id, vaccination};
        char const nulls[] = {' ', has_vaccination ? ' ' : 'n'};
        write_list(out, kVaccinationItem, table, record::kSummaryCount,
                   vaccinations_plan.select(query.data, 2, types, values, nulls));
    });
}
