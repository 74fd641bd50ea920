#include "extension/summary/lists.hpp"

#include <algorithm>

#include "extension/binding/absent_table.hpp"
#include "extension/binding/id.hpp"
#include "extension/binding/label.hpp"
#include "extension/query/each_row.hpp"
#include "extension/server/boundary.hpp"
#include "extension/summary/facts.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_shape.hpp"
#include "extension/value/json_value.hpp"

namespace wc {
namespace {

KeptPlan conditions_plan;
KeptPlan shown_conditions_plan;
KeptPlan allergies_plan;
KeptPlan vitals_plan;
KeptPlan vaccinations_plan;

constexpr int32 kMostVitals = 500;

// Begins a query for the first `count` attributes of a student's rows, up to ` WHERE student = $1`.
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

// Runs a function of a student's id that returns a list.  `write` may use SPI.
template <class Write>
Datum list_of_student(FunctionCallInfo fcinfo, Entity of, Write write)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    lock_tables({Entity::Students, of});
    json::Buffer out = make_buffer();
    Datum id = 0;
    if (student_argument(fcinfo, id) && !is_absent(bound_table(of))) {
        SPI_connect();
        write(out, id);
        SPI_finish();
    } else {
        out.append(std::string_view{"[]"});
    }
    if (out.size() == VARHDRSZ + std::string_view{"[]"}.size())
        audit::note_nothing();
    return json_result(fcinfo, finish_text(out));
}

using Sort = void (*)(const BoundTable &table, RowList &list);

// `sort` puts the rows in order; null where the query did.
void write_list(json::Buffer &out, const ItemShape &shape, const BoundTable &table, int count, SPITupleTable *rows,
                Sort sort = nullptr)
{
    RowList list = read_rows(rows, count);
    if (sort != nullptr)
        sort(table, list);
    write_items(out, shape, table, list);
    SPI_freetuptable(rows);
}

}  // namespace

void write_conditions(json::Buffer &out, Datum student_id)
{
    const BoundTable &table = lock_bound_table(Entity::ChronicConditions);
    if (is_absent(table)) {
        out.append(std::string_view{"[]"});
        return;
    }
    StringInfoData query;
    begin_query(&query, table, condition::kCount, condition::StudentId);
    Oid types[] = {table.columns[condition::StudentId].type};
    write_list(out, kConditionItem, table, condition::kCount, conditions_plan.select(query.data, 1, types, &student_id),
               sort_conditions);
}

}  // namespace wc

using namespace wc;

// wc_student_conditions(student_id text | uuid | bigint)
WC_READING_FUNCTION(wc_student_conditions)
{
    return list_of_student(fcinfo, Entity::ChronicConditions, [](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::ChronicConditions);
        StringInfoData query;
        begin_query(&query, table, condition::kCount, condition::StudentId);
        append_if_student_is_shown(&query, lock_bound_table(Entity::Students), "$1");
        Oid types[] = {table.columns[condition::StudentId].type};
        write_list(out, kConditionItem, table, condition::kCount,
                   shown_conditions_plan.select(query.data, 1, types, &id), sort_conditions);
    });
}

// wc_student_allergies(student_id text | uuid | bigint)
WC_READING_FUNCTION(wc_student_allergies)
{
    return list_of_student(fcinfo, Entity::Allergies, [](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::Allergies);
        StringInfoData query;
        begin_query(&query, table, allergy::kCount, allergy::StudentId);
        append_if_student_is_shown(&query, lock_bound_table(Entity::Students), "$1");
        Oid types[] = {table.columns[allergy::StudentId].type};
        write_list(out, kAllergyItem, table, allergy::kCount, allergies_plan.select(query.data, 1, types, &id),
                   sort_allergies);
    });
}

// wc_recent_vitals(student_id text | uuid | bigint, n bigint)
WC_READING_FUNCTION(wc_recent_vitals)
{
    int64 const n = PG_ARGISNULL(1) ? kLatest : PG_GETARG_INT64(1);
    if (n < 1 || n > kMostVitals)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"n\" is out of range: " INT64_FORMAT, n),
                        errhint("\"n\" is from 1 to %d; wc_student_records gives more, page by page.", kMostVitals)));
    return list_of_student(fcinfo, Entity::HealthRecords, [n](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::HealthRecords);
        StringInfoData query;
        begin_query(&query, table, record::kSummaryCount, record::StudentId);
        // The kind of the vital and not a comparison with 'null', so that the planner takes the latest rows from an
        // index, as explained in query_reader.cpp.
        appendStringInfoString(&query, " AND ");
        append_kind_of_json(&query, table, record::Vital);
        appendStringInfoString(&query, " OPERATOR(pg_catalog.<>) 'null'");
        append_if_student_is_shown(&query, lock_bound_table(Entity::Students), "$1");
        append_order(&query, table, record_order(table));
        appendStringInfoString(&query, " LIMIT $2");
        Oid types[] = {table.columns[record::StudentId].type, INT8OID};
        Datum const values[] = {id, Int64GetDatum(n)};
        write_list(out, kVitalItem, table, record::kSummaryCount, vitals_plan.select(query.data, 2, types, values));
    });
}

// wc_vaccinations(student_id text | uuid | bigint)
WC_READING_FUNCTION(wc_vaccinations)
{
    return list_of_student(fcinfo, Entity::HealthRecords, [](json::Buffer &out, Datum id) {
        const BoundTable &table = lock_bound_table(Entity::HealthRecords);
        const BoundColumn &type = table.columns[record::Type];
        LabelMatch const vaccination(type, label::kVaccination);
        StringInfoData query;
        begin_query(&query, table, record::kSummaryCount, record::StudentId);
        appendStringInfoString(&query, " AND ");
        vaccination.append_condition(&query, psprintf("t.%s", quote_identifier(NameStr(type.name))), "$2");
        append_if_student_is_shown(&query, lock_bound_table(Entity::Students), "$1");
        append_order(&query, table, record_order(table));
        Oid types[] = {table.columns[record::StudentId].type, type.type};
        Datum const values[] = {id, vaccination.parameter_value()};
        char const nulls[] = {' ', vaccination.parameter_null()};
        out.append('[');
        std::size_t const begin = out.size();
        for_each_row(vaccinations_plan, query.data, 2, types, values, nulls, [&](const Datum *cells, const bool *none) {
            if (out.size() > begin)
                out.append(',');
            Row row;
            std::copy_n(cells, int{record::kSummaryCount}, row.values);
            std::copy_n(none, int{record::kSummaryCount}, row.nulls);
            write_item(out, kVaccinationItem, table, row);
        });
        out.append(']');
    });
}
