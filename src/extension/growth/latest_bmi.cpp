#include "extension/growth/latest_bmi.hpp"

#include "extension/direct/index_probe.hpp"
#include "extension/growth/argument.hpp"
#include "extension/server/text_view.hpp"
#include "extension/server/time_zone.hpp"
#include "extension/value/json_value.hpp"
#include "extension/vitals/measurements.hpp"

extern "C" {
#include "utils/date.h"
#include "utils/datum.h"
}

namespace wc {
namespace {

KeptPlan latest_plan(CURSOR_OPT_FAST_PLAN);

// The number of records to read first: most students have a measurement among so many of their latest records.
constexpr long kFirst = 4;

bool read_bmi(const Child &child, Datum date, Oid type, Jsonb *vital, LatestBmi &latest)
{
    if (!JB_ROOT_IS_OBJECT(vital))
        return false;
    growth::Measurement const measured = read_growth(vital);
    if (!growth::is_bmi_measured(measured))
        return false;
    growth::Assessment const found = growth::assess(child.sex, age_months(child, date, type), measured);
    latest.is_found = true;
    find_microseconds(date, type, latest.measured_at);
    if (type == DATEOID)
        latest.measured_at = zone::begin_of(DatumGetDateADT(date));
    latest.bmi = growth::value_of(measured, growth::Measure::Bmi);
    latest.is_implausible = found.is_implausible();
    latest.has_category = found.has_category;
    latest.category = found.category;
    return true;
}

// The period's bounds as values of the date column, which may have the type date.
struct Bounds {
    int64 after;
    int64 until;

    Bounds(const Period &period, Oid type) : after(period.after), until(period.until)
    {
        if (type != DATEOID)
            return;
        after = TIMESTAMP_IS_NOBEGIN(after) ? int64{DATEVAL_NOBEGIN} : zone::day_of(after);
        until = TIMESTAMP_NOT_FINITE(until) ? int64{TIMESTAMP_IS_NOBEGIN(until) ? DATEVAL_NOBEGIN : DATEVAL_NOEND}
                                            : zone::day_of(until);
    }
    static int64 number(Datum date, Oid type)
    {
        return type == DATEOID ? int64{DatumGetDateADT(date)} : DatumGetTimestamp(date);
    }
    static Datum value(int64 number, Oid type)
    {
        return type == DATEOID ? DateADTGetDatum(static_cast<DateADT>(number)) : TimestampGetDatum(number);
    }
};

// ---- through indexes ----------------------------------------------------------------------------------------

// Whether direct reads understand the sex's type; only a query can convert values of other types to text.
bool is_plain_sex(Oid type) { return type == TEXTOID || type == VARCHAROID || type_is_enum(type); }

growth::Sex read_sex(Datum value, Oid type)
{
    if (type_is_enum(type))
        return sex_of_enum(value);
    growth::Sex sex = growth::Sex::Other;
    growth::parse_sex(text_view(value), sex);
    return sex;
}

bool open(IndexProbe &students, IndexProbe &records)
{
    if (!students.open(Entity::Students, IndexProbe::Reads::Rows))
        return false;
    if (is_plain_sex(students.table().columns[student::Gender].type) &&
        records.open(Entity::HealthRecords, IndexProbe::Reads::EntriesAndRows))
        return true;
    students.close();
    return false;
}

// Reads the student whom `students` was told to seek.
Child read_child(IndexProbe &students)
{
    Child child{};
    child.is_found = students.next_row();
    if (!child.is_found)
        return child;
    const BoundColumn &birth = students.table().columns[student::DateOfBirth];
    const BoundColumn &gender = students.table().columns[student::Gender];
    bool is_null = false;
    Datum const date = slot_getattr(students.slot(), birth.number, &is_null);
    child.has_birth_date = !is_null && find_birth_day(date, birth.type, child.birth_day);
    Datum const sex = slot_getattr(students.slot(), gender.number, &is_null);
    child.sex = is_null ? growth::Sex::Other : read_sex(sex, gender.type);
    return child;
}

// Returns the sort keys of the row in the slot, copied out of the slot.
Row position_in_order(IndexProbe &records)
{
    const BoundTable &table = records.table();
    Row row;
    for (const SortKey &key : record_order(table)) {
        const BoundColumn &column = table.columns[key.attribute];
        Datum const value = slot_getattr(records.slot(), column.number, &row.nulls[key.attribute]);
        row.values[key.attribute] =
            row.nulls[key.attribute] ? Datum{0} : datumCopy(value, column.by_value, column.length);
    }
    return row;
}

// Reads the records of a part, which are those of the student whom `records` was told to seek.
LatestBmi read_part(IndexProbe &records, const Child &child, const Period &period)
{
    const BoundTable &table = records.table();
    Oid const date_type = table.columns[record::Date].type;
    Bounds const bounds(period, date_type);
    RowOrder const order(table, record_order(table));
    LatestBmi latest{};
    Row found;
    while (records.next_position() != nullptr) {
        bool is_null = false;
        Datum const date = records.index_value(records.student_index().date_column, is_null);
        int64 const at = Bounds::number(date, date_type);
        int64 microseconds = 0;
        if (at > bounds.until || !find_microseconds(date, date_type, microseconds))
            continue;
        if (at <= bounds.after || (latest.is_found && date != found.values[record::Date]))
            break;
        if (!records.fetch())
            continue;
        Datum const vital = slot_getattr(records.slot(), table.columns[record::Vital].number, &is_null);
        LatestBmi one{};
        if (is_null || !read_bmi(child, date, date_type, as_jsonb(vital, table.columns[record::Vital].type), one))
            continue;
        Row const position = position_in_order(records);
        if (latest.is_found && order.compare(found, position) < 0)
            continue;
        latest = one;
        found = position;
    }
    return latest;
}

// Returns false if queries must read.
bool read_latest(Datum student_id, const Period &period, LatestBmi &latest)
{
    IndexProbe students;
    IndexProbe records;
    if (!open(students, records))
        return false;
    bool const is_found = students.seek(student_id) && records.seek(student_id);
    Child const child = is_found ? read_child(students) : Child{};
    bool has_part = child.is_found && records.has_part();
    while (has_part) {
        latest = read_part(records, child, period);
        has_part = !latest.is_found && records.next_part();
    }
    records.close();
    students.close();
    return is_found;
}

// ---- by queries ---------------------------------------------------------------------------------------------

SPITupleTable *select_latest(const BoundTable &records, Datum student_id, const Bounds &bounds, long most)
{
    StringInfoData query;
    initStringInfo(&query);
    appendStringInfoString(&query, "SELECT ");
    append_attribute(&query, records, record::Date);
    appendStringInfoString(&query, ", ");
    append_attribute(&query, records, record::Vital);
    append_from(&query, records);
    appendStringInfoString(&query, " WHERE ");
    append_attribute(&query, records, record::StudentId);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.=) $1 AND ");
    append_attribute(&query, records, record::Date);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.<=) $2 AND ");
    append_attribute(&query, records, record::Date);
    appendStringInfoString(&query, " OPERATOR(pg_catalog.>) $3 AND ");
    append_attribute(&query, records, record::Vital);
    // Do not test here whether the vital is an object: the planner would assume that few are, and read and sort all
    // records.
    appendStringInfoString(&query, " IS NOT NULL");
    append_order(&query, records, record_order(records));
    Oid const time = records.columns[record::Date].type;
    Oid types[] = {records.columns[record::StudentId].type, time, time};
    Datum values[] = {student_id, Bounds::value(bounds.until, time), Bounds::value(bounds.after, time)};
    int const code = SPI_execute_plan(latest_plan.get(query.data, 3, types), values, nullptr, true, most);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
    check_names();
    pfree(query.data);
    return SPI_tuptable;
}

LatestBmi select_latest(const Child &child, Datum student_id, const Period &period)
{
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    Oid const date_type = records.columns[record::Date].type;
    Bounds const bounds(period, date_type);
    LatestBmi latest{};
    for (long const most : {kFirst, 0L}) {
        SPITupleTable *const rows = select_latest(records, student_id, bounds, most);
        uint64 const count = rows->numvals;
        for (uint64 i = 0; i < count && !latest.is_found; ++i) {
            bool is_null = false;
            int64 microseconds = 0;
            Datum const date = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &is_null);
            Datum const vital = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &is_null);
            if (find_microseconds(date, date_type, microseconds))
                read_bmi(child, date, date_type, as_jsonb(vital, records.columns[record::Vital].type), latest);
        }
        SPI_freetuptable(rows);
        if (latest.is_found || count < static_cast<uint64>(kFirst))
            break;
    }
    return latest;
}

}  // namespace

LatestBmi find_latest_bmi(Datum student_id, const Period &period)
{
    LatestBmi latest{};
    if (read_latest(student_id, period, latest))
        return latest;
    SPI_connect();
    Child const child = find_child(student_id);
    if (child.is_found)
        latest = select_latest(child, student_id, period);
    SPI_finish();
    return latest;
}

}  // namespace wc
