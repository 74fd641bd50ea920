#include "extension/record_reader.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<RecordReader>);

namespace {

// Each set of filters has plans of its own: an optional condition would keep the planner from using an index for it.
constexpr int kFilterSets = 1 << kRecordFilters;

KeptPlan student_plan;

constexpr const char *kLatestFirst = " ORDER BY %1$s DESC, %2$s";
constexpr const char *kOldestFirst = " ORDER BY %1$s, %2$s DESC";

void append_order(StringInfo query, const BoundTable &records, const char *order)
{
    StringInfoData date;
    StringInfoData id;
    initStringInfo(&date);
    initStringInfo(&id);
    append_attribute(&date, records, record::Date);
    append_attribute(&id, records, record::Id);
    appendStringInfo(query, order, date.data, id.data);
}

}  // namespace

RecordReader::RecordReader(Datum student_id, const RecordFilters &filters, const BoundTable &records)
    : records_(records), filters_(filters)
{
    for (int i = 0; i < kParameters; ++i) {
        values_[i] = Datum{0};
        nulls_[i] = 'n';
    }
    values_[kStudent] = student_id;
    nulls_[kStudent] = ' ';
    for (int i = 0; i < kRecordFilters; ++i) {
        values_[kFirstFilter + i] = filters.values[i];
        nulls_[kFirstFilter + i] = filters.given[i] ? ' ' : 'n';
    }
}

SPITupleTable *RecordReader::select(Query query, const char *text)
{
    static KeptPlan plans[kQueries][kFilterSets];
    int set = 0;
    for (int i = 0; i < kRecordFilters; ++i)
        set |= filters_.given[i] ? 1 << i : 0;
    const BoundColumn *const columns = records_.columns;
    Oid types[kParameters] = {columns[record::StudentId].type,
                              columns[record::Type].type,
                              columns[record::Date].type,
                              columns[record::Date].type,
                              TEXTOID,
                              columns[record::Date].type,
                              columns[record::Id].type,
                              INT8OID,
                              INT8OID};
    return plans[query][set].select(text, kParameters, types, values_, nulls_);
}

void RecordReader::append_conditions(StringInfo query) const
{
    // In the order of RecordFilter; $1 is the student.
    constexpr struct {
        int attribute;
        const char *condition;
    } kConditions[kRecordFilters] = {
        {record::Type, " AND %s OPERATOR(pg_catalog.=) $2"},
        {record::Date, " AND %s OPERATOR(pg_catalog.>=) $3"},
        {record::Date, " AND %s OPERATOR(pg_catalog.<=) $4"},
        {record::Provider,
         " AND pg_catalog.strpos(pg_catalog.lower(%s), pg_catalog.lower($5)) OPERATOR(pg_catalog.>) 0"},
    };
    append_from(query, records_);
    appendStringInfoString(query, " WHERE ");
    append_attribute(query, records_, record::StudentId);
    appendStringInfoString(query, " OPERATOR(pg_catalog.=) $1");
    for (int i = 0; i < kRecordFilters; ++i) {
        if (!filters_.given[i])
            continue;
        StringInfoData column;
        initStringInfo(&column);
        append_attribute(&column, records_, kConditions[i].attribute);
        appendStringInfo(query, kConditions[i].condition, column.data);
    }
}

void RecordReader::append_rows_query(StringInfo query) const
{
    appendStringInfoString(query, "SELECT ");
    append_attributes(query, records_, record::kCount);
    append_conditions(query);
}

SPITupleTable *RecordReader::read_student()
{
    const BoundTable &students = lock_bound_table(Entity::Students);
    static_assert(student::StudentNumber == 3);
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attributes(&query, students, student::StudentNumber + 1);
    append_from(&query, students);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, students, student::Id);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1");
    Oid types[] = {students.columns[student::Id].type};
    return student_plan.select(query.data, 1, types, &values_[kStudent]);
}

int64 RecordReader::count()
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT pg_catalog.count(*)");
    append_conditions(&query);
    SPITupleTable *const rows = select(kCount, query.data);
    bool is_null = false;
    int64 const count = DatumGetInt64(SPI_getbinval(rows->vals[0], rows->tupdesc, 1, &is_null));
    SPI_freetuptable(rows);
    return count;
}

bool RecordReader::find_position(int64 offset, int64 total, RecordPosition &position)
{
    if (offset >= total)
        return false;
    // From the nearer end.
    bool const from_end = offset > total / 2;
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attribute(&query, records_, record::Date);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, records_, record::Id);
    append_conditions(&query);
    append_order(&query, records_, from_end ? kOldestFirst : wc::kLatestFirst);
    appendStringInfoString(&query, " LIMIT 1 OFFSET $9");
    values_[kOffset] = Int64GetDatum(from_end ? total - 1 - offset : offset);
    nulls_[kOffset] = ' ';
    SPITupleTable *const rows = select(from_end ? kPositionFromEnd : kPosition, query.data);
    bool const found = rows->numvals > 0;
    if (found) {
        bool is_null = false;
        const BoundColumn &id = records_.columns[record::Id];
        position.date = SPI_getbinval(rows->vals[0], rows->tupdesc, 1, &position.date_is_null);
        position.id = datumCopy(SPI_getbinval(rows->vals[0], rows->tupdesc, 2, &is_null), id.by_value, id.length);
    }
    SPI_freetuptable(rows);
    return found;
}

SPITupleTable *RecordReader::read_latest(int64 limit)
{
    StringInfoData query;
    initStringInfo(&query);
    append_rows_query(&query);
    append_order(&query, records_, wc::kLatestFirst);
    appendStringInfoString(&query, " LIMIT $8");
    values_[kLimit] = Int64GetDatum(limit);
    nulls_[kLimit] = ' ';
    return select(Query::kLatestFirst, query.data);
}

SPITupleTable *RecordReader::read_from(const RecordPosition &position, int64 limit)
{
    return read_beside(kFrom, ">=", position, limit);
}

SPITupleTable *RecordReader::read_after(const RecordPosition &position, int64 limit)
{
    return read_beside(kAfter, ">", position, limit);
}

// What is left of the same date, by id, and then what is older: two index scans that begin where they must.  One
// condition for both would read all records of that date, however many they are.
SPITupleTable *RecordReader::read_beside(Query which, const char *operation, const RecordPosition &position,
                                         int64 limit)
{
    StringInfoData query;
    initStringInfo(&query);
    // By place, not by name: two attributes may be bound to one column.
    appendStringInfoString(&query, "SELECT t.* FROM ((");
    append_rows_query(&query);
    appendStringInfoString(&query, " AND ");
    append_attribute(&query, records_, record::Date);
    // No date is the latest, as in any descending order of SQL.
    appendStringInfoString(&query, position.date_is_null ? " IS NULL AND " : " OPERATOR(pg_catalog.=) $6 AND ");
    append_attribute(&query, records_, record::Id);
    appendStringInfo(&query, " OPERATOR(pg_catalog.%s) $7 ORDER BY ", operation);
    append_attribute(&query, records_, record::Id);
    appendStringInfoString(&query, " LIMIT $8) UNION ALL (");
    append_rows_query(&query);
    appendStringInfoString(&query, " AND ");
    append_attribute(&query, records_, record::Date);
    appendStringInfoString(&query, position.date_is_null ? " IS NOT NULL" : " OPERATOR(pg_catalog.<) $6");
    append_order(&query, records_, wc::kLatestFirst);
    appendStringInfo(&query, " LIMIT $8)) AS t ORDER BY %d DESC, %d LIMIT $8", record::Date + 1, record::Id + 1);
    values_[kDate] = position.date;
    nulls_[kDate] = position.date_is_null ? 'n' : ' ';
    values_[kId] = position.id;
    nulls_[kId] = ' ';
    values_[kLimit] = Int64GetDatum(limit);
    nulls_[kLimit] = ' ';
    return select(which, query.data);
}

}  // namespace wc
