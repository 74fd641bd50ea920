#include "extension/latest_category.hpp"

#include "extension/growth_argument.hpp"
#include "extension/index_probe.hpp"
#include "extension/measurements.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace wc {
namespace {

KeptPlan latest_plan(CURSOR_OPT_FAST_PLAN);

// Most students have a plausible measurement among so many of their latest records.
constexpr long kFirst = 4;

bool is_measured(const Child &child) { return child.is_found && child.sex != growth::Sex::Other; }

bool find_category(const Child &child, Datum date, Oid type, Datum jsonb, growth::Category &category)
{
    Jsonb *const vital = DatumGetJsonbP(jsonb);
    if (!JB_ROOT_IS_OBJECT(vital))
        return false;
    growth::Assessment const found = growth::assess(child.sex, age_months(child, date, type), read_growth(vital));
    category = found.category;
    return found.has_category && !found.is_implausible();
}

// ---- through indexes ----------------------------------------------------------------------------------------

// Text and enums; what another type means as a text is a query's to know.
bool is_plain_sex(Oid type) { return type == TEXTOID || type == VARCHAROID || type_is_enum(type); }

growth::Sex read_sex(Datum value, Oid type)
{
    if (type_is_enum(type))
        return sex_of_enum(value);
    auto const *const text = PG_DETOAST_DATUM_PACKED(value);
    growth::Sex sex = growth::Sex::Other;
    growth::parse_sex({VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)}, sex);
    return sex;
}

bool open(IndexProbe &students, IndexProbe &records)
{
    if (!students.open(Entity::Students))
        return false;
    if (is_plain_sex(students.table().columns[student::Gender].type) && records.open(Entity::HealthRecords))
        return true;
    students.close();
    return false;
}

Child read_child(IndexProbe &students, Datum student_id)
{
    Child child{};
    students.seek(student_id);
    child.is_found = students.next_row();
    if (!child.is_found)
        return child;
    const BoundColumn &birth = students.table().columns[student::DateOfBirth];
    const BoundColumn &gender = students.table().columns[student::Gender];
    bool is_null = false;
    Datum const date = slot_getattr(students.slot(), birth.number, &is_null);
    child.has_birth_date = !is_null && find_day(date, birth.type, child.birth_day);
    Datum const sex = slot_getattr(students.slot(), gender.number, &is_null);
    child.sex = is_null ? growth::Sex::Other : read_sex(sex, gender.type);
    return child;
}

// Whether one id comes before another, as ORDER BY has it.
bool is_before(Datum a, Datum b, const BoundColumn &column)
{
    TypeCacheEntry *const type = lookup_type_cache(column.type, TYPECACHE_CMP_PROC_FINFO);
    return DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, column.collation, a, b)) < 0;
}

bool read_latest(IndexProbe &records, const Child &child, Datum student_id, TimestampTz as_of,
                 growth::Category &category)
{
    const BoundTable &table = records.table();
    const BoundColumn &id_column = table.columns[record::Id];
    Oid const date_type = table.columns[record::Date].type;
    bool is_found = false;
    Datum found_date = 0;
    Datum found_id = 0;
    records.seek(student_id);
    while (records.next_position() != nullptr) {
        bool is_null = false;
        Datum const date = records.index_value(records.student_index().date_column, is_null);
        if (is_found && date != found_date)
            break;
        int64 microseconds = 0;
        if (!find_microseconds(date, date_type, microseconds) || microseconds > as_of || !records.fetch())
            continue;
        Datum const vital = slot_getattr(records.slot(), table.columns[record::Vital].number, &is_null);
        growth::Category one{};
        if (is_null || !find_category(child, date, date_type, vital, one))
            continue;
        Datum const id = slot_getattr(records.slot(), id_column.number, &is_null);
        if (is_found && (is_null || !is_before(id, found_id, id_column)))
            continue;
        is_found = true;
        category = one;
        found_date = date;
        // The slot goes on to the next row.
        found_id = is_null ? 0 : datumCopy(id, id_column.by_value, id_column.length);
    }
    return is_found;
}

// ---- by queries ---------------------------------------------------------------------------------------------

SPITupleTable *select_latest(const BoundTable &records, Datum student_id, TimestampTz as_of, long most)
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
    append_attribute(&query, records, record::Vital);
    // Not: a vital that is an object.  The planner would take those for rare, and read all records to sort them.
    appendStringInfoString(&query, " IS NOT NULL ORDER BY ");
    append_attribute(&query, records, record::Date);
    appendStringInfoString(&query, " DESC, ");
    append_attribute(&query, records, record::Id);
    // A column without time zone holds UTC.
    Oid const time = records.columns[record::Date].type == TIMESTAMPTZOID ? TIMESTAMPTZOID : TIMESTAMPOID;
    Oid types[] = {records.columns[record::StudentId].type, time};
    Datum values[] = {student_id, TimestampTzGetDatum(as_of)};
    int const code = SPI_execute_plan(latest_plan.get(query.data, 2, types), values, nullptr, true, most);
    if (code != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
    pfree(query.data);
    return SPI_tuptable;
}

bool select_category(const Child &child, Datum student_id, TimestampTz as_of, growth::Category &category)
{
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    for (long const most : {kFirst, 0L}) {
        SPITupleTable *const rows = select_latest(records, student_id, as_of, most);
        uint64 const count = rows->numvals;
        bool is_found = false;
        for (uint64 i = 0; i < count && !is_found; ++i) {
            bool is_null = false;
            Datum const date = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &is_null);
            Datum const vital = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &is_null);
            is_found = find_category(child, date, records.columns[record::Date].type, vital, category);
        }
        SPI_freetuptable(rows);
        if (is_found || count < static_cast<uint64>(kFirst))
            return is_found;
    }
    return false;
}

}  // namespace

bool find_latest_category(Datum student_id, TimestampTz as_of, growth::Category &category)
{
    IndexProbe students;
    IndexProbe records;
    bool is_found = false;
    if (open(students, records)) {
        Child const child = read_child(students, student_id);
        is_found = is_measured(child) && read_latest(records, child, student_id, as_of, category);
        records.close();
        students.close();
        return is_found;
    }
    SPI_connect();
    Child const child = find_child(student_id);
    is_found = is_measured(child) && select_category(child, student_id, as_of, category);
    SPI_finish();
    return is_found;
}

}  // namespace wc
