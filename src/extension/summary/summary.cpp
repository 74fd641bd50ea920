#include "extension/summary/summary.hpp"

#include <string_view>

#include "extension/binding/id.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/result_rows.hpp"
#include "extension/server/text_view.hpp"
#include "extension/summary/extras.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_shape.hpp"
#include "extension/value/json_value.hpp"
#include "extension/vitals/measurements.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<SummaryReader>);

namespace {

using namespace std::string_view_literals;

// Of many students only so many bytes are taken from shared memory ahead of all reading.
constexpr Size kMostFound = 8 * 1024 * 1024;

void write_counts(json::Buffer &out, const Facts &facts, Oid type)
{
    out.append('{');
    for (int i = 0; i < facts.count_of_types; ++i) {
        if (i != 0)
            out.append(',');
        write_value(out, facts.counts[i].type, type);
        out.append(':');
        json::write_integer(out, facts.counts[i].count);
    }
    out.append('}');
}

// A birth date is a calendar day, and prints as one, whatever its column's type: this turns a timestamptz into midnight
// of that day.
Row with_birth_day(const BoundTable &students, Row student)
{
    int64 day = 0;
    if (students.columns[student::DateOfBirth].type != TIMESTAMPTZOID || student.nulls[student::DateOfBirth] ||
        !find_birth_day(student.values[student::DateOfBirth], TIMESTAMPTZOID, day))
        return student;
    student.values[student::DateOfBirth] = TimestampTzGetDatum(day * USECS_PER_DAY);
    return student;
}

// The ids in the type of the students' id column.  A value that can be no student's id becomes NULL.
IdArray convert_ids(const IdArray &given, SummaryReader::Convert convert)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    IdArray ids = given;
    ids.type = column.type;
    ids.values = static_cast<Datum *>(palloc(sizeof(Datum) * (static_cast<Size>(given.count) + 1)));
    ids.nulls = static_cast<bool *>(palloc(static_cast<Size>(given.count) + 1));
    for (int i = 0; i < given.count; ++i)
        ids.nulls[i] = given.nulls[i] || !convert(given.values[i], given.type, column, ids.values[i]);
    return ids;
}

void write_summary(json::Buffer &out, const Facts &facts)
{
    const BoundTable &records = bound_table(Entity::HealthRecords);
    const BoundTable &students = bound_table(Entity::Students);
    out.append(R"({"student":)"sv);
    write_item(out, kStudentItem, students, with_birth_day(students, facts.student));
    out.append(R"(,"allergies":)"sv);
    write_items(out, kAllergyItem, bound_table(Entity::Allergies), facts.allergies);
    out.append(R"(,"recentVitals":)"sv);
    write_items(out, kVitalItem, records, facts.vitals);
    out.append(R"(,"recentVaccinations":)"sv);
    write_items(out, kVaccinationItem, records, facts.vaccinations);
    out.append(R"(,"recordCounts":)"sv);
    write_counts(out, facts, records.columns[record::Type].type);
    out.append('}');
}

// 0 for an unknown student.
Datum build_summary(Datum id)
{
    json::Buffer out = make_buffer();
    Facts facts{};
    FactsReader reader;
    reader.open_one(id);
    reader.next(facts);
    if (facts.found)
        write_summary(out, facts);
    reader.close();
    return facts.found ? finish_text(out) : Datum{0};
}

// The summary with more sections behind the five.
Datum with_extras(Datum summary, const Extras &extras, Datum id)
{
    std::string_view const text = text_view(summary);
    json::Buffer out = make_buffer();
    out.append(text.substr(0, text.size() - 1));
    write_extras(out, extras, id);
    out.append('}');
    return finish_text(out);
}

}  // namespace

SummaryReader::SummaryReader(ArrayType *ids, Convert convert)
    : ids_(read_ids(ids)),
      wanted_(convert_ids(ids_, convert)),
      student_context_(AllocSetContextCreate(CurrentMemoryContext, "white_cross student", ALLOCSET_DEFAULT_SIZES))
{
    auto const count = static_cast<Size>(ids_.count);
    found_ = static_cast<Datum *>(palloc0(sizeof(Datum) * (count + 1)));
    probes_ = static_cast<warm::Probe *>(palloc(sizeof(warm::Probe) * (count + 1)));
    Size kept = 0;
    for (int i = 0; i < ids_.count; ++i) {
        new (&probes_[i]) warm::Probe;
        if (wanted_.nulls[i])
            continue;
        if (kept < kMostFound)
            found_[i] = lookup_.find(wanted_.values[i], probes_[i]);
        if (found_[i] == 0)
            are_all_found_ = false;
        else
            kept += VARSIZE(DatumGetPointer(found_[i]));
    }
    if (are_all_found_)
        return;
    // Students that were found are passed over, as nobody's id.
    IdArray rest = wanted_;
    rest.nulls = static_cast<bool *>(palloc(count + 1));
    for (int i = 0; i < ids_.count; ++i)
        rest.nulls[i] = wanted_.nulls[i] || found_[i] != 0;
    facts_.open_many(rest);
}

bool SummaryReader::next()
{
    ++at_;
    return at_ < ids_.count;
}

Datum SummaryReader::read()
{
    if (are_all_found_)
        return found_[at_];
    json::Buffer out = make_buffer();
    MemoryContextReset(student_context_);
    MemoryContext const caller = MemoryContextSwitchTo(student_context_);
    Facts facts{};
    facts_.next(facts);
    if (facts.found)
        write_summary(out, facts);
    MemoryContextSwitchTo(caller);
    if (!facts.found)
        return found_[at_];
    Datum const summary = finish_text(out);
    lookup_.keep(probes_[at_], summary);
    return summary;
}

void SummaryReader::close()
{
    if (!are_all_found_)
        facts_.close();
    MemoryContextDelete(student_context_);
}

}  // namespace wc

using namespace wc;

// wc_health_summary(id text | uuid | bigint, include text[])
WC_READING_FUNCTION(wc_health_summary)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    ArrayType *const include = PG_ARGISNULL(1) ? nullptr : PG_GETARG_ARRAYTYPE_P(1);
    Extras const extras = include == nullptr ? Extras{} : parse_extras(include);
    Oid const type = get_fn_expr_argtype(fcinfo->flinfo, 0);
    if (extras.chronic_conditions)
        lock_tables({Entity::Students, Entity::HealthRecords, Entity::Allergies, Entity::ChronicConditions});
    else
        lock_tables({Entity::Students, Entity::HealthRecords, Entity::Allergies});
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum id = 0;
    if (!convert_student_id(PG_GETARG_DATUM(0), type, column, id))
        PG_RETURN_NULL();

    warm::Lookup lookup;
    warm::Probe probe;
    Datum summary = lookup.find(id, probe);
    if (summary == 0) {
        summary = build_summary(id);
        if (summary == 0)
            PG_RETURN_NULL();
        lookup.keep(probe, summary);
    }
    return json_result(fcinfo, extras.any() ? with_extras(summary, extras, id) : summary);
}

// wc_health_summaries(ids text[] | uuid[] | bigint[] | text) → (student_id, summary)
WC_READING_FUNCTION(wc_health_summaries)
{
    ResultRows rows(fcinfo);
    ArrayType *const ids = id_array_argument(fcinfo, 0);
    MemoryContext const row_context =
        AllocSetContextCreate(CurrentMemoryContext, "white_cross summary", ALLOCSET_DEFAULT_SIZES);
    lock_tables({Entity::Students, Entity::HealthRecords, Entity::Allergies});
    SummaryReader reader(ids, convert_student_id);
    while (reader.next()) {
        CHECK_FOR_INTERRUPTS();
        MemoryContext const caller = MemoryContextSwitchTo(row_context);
        Datum const summary = reader.read();
        Datum const values[] = {reader.id(), summary == 0 ? summary : json_column(rows.shape(), 1, summary)};
        bool const nulls[] = {reader.id_is_null(), summary == 0};
        rows.put(values, nulls);
        if (summary == 0)
            audit::note_nothing();
        MemoryContextSwitchTo(caller);
        MemoryContextReset(row_context);
    }
    reader.close();
    return rows.finish();
}
