#include "extension/records/reader.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<RecordReader>);

namespace {

// Each set of filters has plans of its own: the planner would use no index for a condition that is optional.
constexpr int kFilterSets = 1 << kRecordFilters;

KeptPlan student_plan;

}  // namespace

RecordReader::RecordReader(Datum student_id, const RecordFilters &filters, const BoundTable &records, bool by_entry)
    : records_(records),
      filters_(filters),
      by_entry_(by_entry),
      order_(page_order(records, by_entry)),
      has_index_(index_.open(student_id, filters, by_entry))
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

void RecordReader::close()
{
    if (has_index_)
        index_.close();
    SPI_freetuptable(selected_);
}

SPITupleTable *RecordReader::select(Query query, const char *text)
{
    static KeptPlan plans[2][kQueries][kFilterSets];
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
                              INT8OID,
                              knows_entry(records_) ? columns[record::CreatedAt].type : TIMESTAMPOID};
    return plans[by_entry_ ? 1 : 0][query][set].select(text, kParameters, types, values_, nulls_);
}

RowList RecordReader::select_rows(Query query, const char *text)
{
    SPI_freetuptable(selected_);
    selected_ = select(query, text);
    return read_rows(selected_, record::kCount);
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
        // In the database's collation, because the column's may be nondeterministic, and those cannot search in a text.
        {record::Provider,
         " AND pg_catalog.strpos(pg_catalog.lower(%s COLLATE pg_catalog.\"default\"), pg_catalog.lower($5)) "
         "OPERATOR(pg_catalog.>) 0"},
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
    if (has_index_)
        return index_.count();
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
    // Count from the nearer end.
    bool const from_end = offset > total / 2;
    int64 const before = from_end ? total - 1 - offset : offset;
    return has_index_ ? index_.find_position(before, from_end, position) : select_position(before, from_end, position);
}

bool RecordReader::select_position(int64 offset, bool from_end, RecordPosition &position)
{
    StringInfoData query;
    initStringInfo(&query);
    const char *separator = "SELECT ";
    for (const SortKey &key : order_) {
        appendStringInfoString(&query, separator);
        append_attribute(&query, records_, key.attribute);
        separator = ", ";
    }
    append_conditions(&query);
    append_order(&query, records_, order_, from_end);
    appendStringInfoString(&query, " LIMIT 1 OFFSET $9");
    values_[kOffset] = Int64GetDatum(offset);
    nulls_[kOffset] = ' ';
    SPITupleTable *const rows = select(from_end ? kPositionFromEnd : kPosition, query.data);
    bool const found = rows->numvals > 0;
    if (found) {
        position.by_entry = by_entry_;
        for (int i = 0; i < order_.count; ++i) {
            const BoundColumn &column = records_.columns[order_.keys[i].attribute];
            bool is_null = false;
            Datum const value = SPI_getbinval(rows->vals[0], rows->tupdesc, i + 1, &is_null);
            position.at(order_.keys[i].attribute) = {
                is_null ? Datum{0} : datumCopy(value, column.by_value, column.length), is_null};
        }
    }
    SPI_freetuptable(rows);
    return found;
}

RowList RecordReader::read_latest(int64 limit)
{
    if (has_index_) {
        RowList rows{};
        index_.read_latest(limit, rows);
        return rows;
    }
    StringInfoData query;
    initStringInfo(&query);
    append_rows_query(&query);
    append_order(&query, records_, order_);
    appendStringInfoString(&query, " LIMIT $8");
    values_[kLimit] = Int64GetDatum(limit);
    nulls_[kLimit] = ' ';
    return select_rows(Query::kLatestFirst, query.data);
}

RowList RecordReader::read_from(const RecordPosition &position, int64 limit)
{
    return read_beside(kFrom, ">=", position, limit);
}

RowList RecordReader::read_after(const RecordPosition &position, int64 limit)
{
    return read_beside(kAfter, ">", position, limit);
}

// Appends ` AND t."column" OPERATION $n`, or its like for a NULL.
void RecordReader::append_beside(StringInfo query, const SortKey &key, const char *operation, bool is_null) const
{
    appendStringInfoString(query, " AND ");
    append_attribute(query, records_, key.attribute);
    // NULL comes first, as in any descending order of SQL: what comes after it is all that is not NULL.
    if (is_null)
        appendStringInfoString(query, operation[0] == '=' ? " IS NULL" : " IS NOT NULL");
    else
        appendStringInfo(query, " OPERATOR(pg_catalog.%s) $%d", operation, parameter_of(key.attribute) + 1);
}

// Joins three index scans, each of which begins at its first row: the rest of the records of the same date and entry,
// by id; those of the same date that were entered before; and those of older dates.  A single condition for all of them
// would read every record of that date, however many there are.
RowList RecordReader::read_beside(Query which, const char *operation, const RecordPosition &position, int64 limit)
{
    if (has_index_) {
        RowList rows{};
        index_.read_beside(position, which == kFrom, limit, rows);
        return rows;
    }
    StringInfoData query;
    initStringInfo(&query);
    // The outer query names columns by number, since two attributes may be bound to one column.
    appendStringInfoString(&query, "SELECT t.* FROM (");
    for (int beyond = order_.count - 1; beyond >= 0; --beyond) {
        bool const is_last = beyond == order_.count - 1;
        appendStringInfoString(&query, is_last ? "(" : " UNION ALL (");
        append_rows_query(&query);
        for (int i = 0; i <= beyond; ++i) {
            const SortKey &key = order_.keys[i];
            bool const is_null = position.at(key.attribute).is_null;
            append_beside(&query, key, i < beyond ? "=" : (is_last ? operation : "<"), is_null);
        }
        SortKeys rest = {{}, 0};
        for (int i = beyond; i < order_.count; ++i)
            rest.keys[rest.count++] = order_.keys[i];
        append_order(&query, records_, rest);
        appendStringInfoString(&query, " LIMIT $8)");
    }
    const char *separator = ") AS t ORDER BY ";
    for (const SortKey &key : order_) {
        appendStringInfo(&query, "%s%d%s", separator, key.attribute + 1, key.descending ? " DESC" : "");
        separator = ", ";
        const RecordPosition::Key &value = position.at(key.attribute);
        values_[parameter_of(key.attribute)] = value.value;
        nulls_[parameter_of(key.attribute)] = value.is_null ? 'n' : ' ';
    }
    appendStringInfoString(&query, " LIMIT $8");
    values_[kLimit] = Int64GetDatum(limit);
    nulls_[kLimit] = ' ';
    return select_rows(which, query.data);
}

int RecordReader::parameter_of(int attribute)
{
    switch (attribute) {
        case record::Date: return kDate;
        case record::CreatedAt: return kEntered;
        default: return kId;
    }
}

}  // namespace wc
