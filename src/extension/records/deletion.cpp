// Deleting many records at once.
#include "extension/binding/id.hpp"
#include "extension/query/kept_plan.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_value.hpp"

namespace wc {
namespace {

KeptPlan deletion_plan;

// Deletes, and counts the ids that no record has, in one statement and so in one snapshot.
char *deletion_query(const BoundTable &records)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "WITH gone AS (DELETE");
    append_from(&query, records);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records, record::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) ANY ($1) RETURNING ");
    append_attribute(&query, records, record::Id);
    appendStringInfoString(&query,
                           " AS id) SELECT (SELECT pg_catalog.count(*) FROM gone), pg_catalog.count(*) FROM "
                           "(SELECT w.id FROM pg_catalog.unnest($1) AS w(id) WHERE w.id IS NOT NULL "
                           "EXCEPT SELECT g.id FROM gone AS g) AS missing");
    return query.data;
}

// Converts the argument to an array of the column's type, or of bigint if the column holds smaller integers: so an id
// beyond their range is no error, but an id that no record has.
Datum ids_argument(ArrayType *array, const BoundColumn &column, Oid &type)
{
    IdArray const ids = read_ids(array);
    bool const are_numbers = column.type == INT4OID || column.type == INT2OID;
    BoundColumn as = column;
    if (are_numbers)
        as = {column.name,     column.number,   INT8OID, InvalidOid, sizeof(int64),
              TYPALIGN_DOUBLE, FLOAT8PASSBYVAL, false,   true};
    type = get_array_type(as.type);
    if (ids.type == as.type)
        return PointerGetDatum(array);
    auto *const converted = static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(ids.count + 1)));
    for (int i = 0; i < ids.count; ++i) {
        if (!ids.nulls[i] && !convert_id(ids.values[i], ids.type, ids.type == UUIDOID ? column : as, converted[i]))
            ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("an id is beyond the range of bigint"),
                            errhint("Nothing was deleted.")));
    }
    int dimensions[] = {ids.count};
    int lower_bounds[] = {1};
    return PointerGetDatum(construct_md_array(converted, ids.nulls, 1, dimensions, lower_bounds, as.type, as.length,
                                              as.by_value, as.alignment));
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_bulk_delete_records(ids text[] | uuid[] | bigint[] | text)
WC_READING_FUNCTION(wc_bulk_delete_records)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    PreventCommandIfReadOnly("wc_bulk_delete_records()");
    lock_tables({Entity::HealthRecords});
    const BoundTable &records = bound_table(Entity::HealthRecords);
    Oid type = InvalidOid;
    Datum const ids = ids_argument(id_array_argument(fcinfo, 0), records.columns[record::Id], type);
    json::Buffer out = make_buffer();
    SPI_connect();
    SPITupleTable *const rows = deletion_plan.execute(deletion_query(records), 1, &type, &ids);
    Row counts;
    read_row(rows, 0, 1, 2, counts);
    out.append(std::string_view{R"({"deleted":)"});
    json::write_integer(out, DatumGetInt64(counts.values[0]));
    out.append(std::string_view{R"(,"notFound":)"});
    json::write_integer(out, DatumGetInt64(counts.values[1]));
    out.append('}');
    SPI_finish();
    return finish_text(out);
}
