#include "extension/summary.hpp"

#include <string_view>

#include "extension/boundary.hpp"
#include "extension/item.hpp"
#include "extension/json_value.hpp"
#include "extension/result_rows.hpp"
#include "extension/student_id.hpp"
#include "extension/summary_extras.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<SummaryReader>);

namespace {

using namespace std::string_view_literals;

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

}  // namespace

void write_summary(json::Buffer &out, const Facts &facts)
{
    const BoundTable &records = bound_table(Entity::HealthRecords);
    out.append(R"({"student":)"sv);
    write_item(out, kStudentItem, bound_table(Entity::Students), facts.student);
    out.append(R"(,"allergies":)"sv);
    write_items(out, kAllergyItem, bound_table(Entity::Allergies), facts.allergies);
    out.append(R"(,"recentVitals":)"sv);
    write_items(out, kVitalItem, records, facts.vitals);
    out.append(R"(,"recentVaccinations":)"sv);
    write_items(out, kVaccinationItem, records, facts.vaccinations);
    out.append(R"(,"recordCounts":)"sv);
    write_counts(out, facts, records.columns[record::Type].type);
}

SummaryReader::SummaryReader(ArrayType *ids, Convert convert) : ids_(read_ids(ids)), convert_(convert)
{
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    student_context_ = AllocSetContextCreate(CurrentMemoryContext, "white_cross student", ALLOCSET_DEFAULT_SIZES);
    is_direct_ = direct_.open();
    if (is_direct_)
        return;

    // Ids that no student can have become NULL, which equals none.
    auto *const converted = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(ids_.count + 1)));
    auto *const nulls = static_cast<bool *>(palloc(static_cast<Size>(ids_.count + 1)));
    for (int i = 0; i < ids_.count; ++i)
        nulls[i] = ids_.nulls[i] || !convert_(ids_.values[i], ids_.type, column, converted[i]);
    int const dimensions[] = {ids_.count};
    int const lower_bounds[] = {1};
    query_.open_many(PointerGetDatum(construct_md_array(converted, nulls, 1, const_cast<int *>(dimensions),
                                                        const_cast<int *>(lower_bounds), column.type, column.length,
                                                        column.by_value, column.alignment)));
}

bool SummaryReader::next()
{
    ++at_;
    return at_ < ids_.count;
}

bool SummaryReader::write(json::Buffer &out)
{
    MemoryContextReset(student_context_);
    MemoryContext const caller = MemoryContextSwitchTo(student_context_);
    Facts facts{};
    if (!is_direct_) {
        query_.next(facts);
    } else if (!ids_.nulls[at_]) {
        Datum id = 0;
        if (convert_(ids_.values[at_], ids_.type, bound_table(Entity::Students).columns[student::Id], id))
            direct_.read(id, facts);
    }
    if (facts.found) {
        write_summary(out, facts);
        out.append('}');
    }
    MemoryContextSwitchTo(caller);
    return facts.found;
}

void SummaryReader::close()
{
    if (is_direct_)
        direct_.close();
    else
        query_.close();
    MemoryContextDelete(student_context_);
}

}  // namespace wc

using namespace wc;

// wc_health_summary(id text | uuid | bigint, include text[])
WC_FUNCTION(wc_health_summary)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    Extras const extras = PG_ARGISNULL(1) ? Extras{} : parse_extras(PG_GETARG_ARRAYTYPE_P(1));
    Oid const type = get_fn_expr_argtype(fcinfo->flinfo, 0);
    const BoundColumn &column = bound_table(Entity::Students).columns[student::Id];
    Datum id = 0;
    if (!convert_student_id(PG_GETARG_DATUM(0), type, column, id))
        PG_RETURN_NULL();

    json::Buffer out = make_buffer();
    Facts facts;
    DirectReader direct;
    if (direct.open()) {
        direct.read(id, facts);
        if (facts.found)
            write_summary(out, facts);
        direct.close();
    } else {
        SPI_connect();
        QueryReader query;
        query.open_one(id);
        query.next(facts);
        if (facts.found)
            write_summary(out, facts);
        SPI_finish();
    }
    if (!facts.found)
        PG_RETURN_NULL();
    write_extras(out, extras, id);
    out.append('}');
    return finish_text(out);
}

// wc_health_summaries(ids text[] | uuid[] | bigint[]) → (student_id, summary)
WC_FUNCTION(wc_health_summaries)
{
    ResultRows rows(fcinfo);
    ArrayType *const ids = PG_GETARG_ARRAYTYPE_P(0);
    MemoryContext const row_context =
        AllocSetContextCreate(CurrentMemoryContext, "white_cross summary", ALLOCSET_DEFAULT_SIZES);
    SPI_connect();
    SummaryReader reader(ids, convert_student_id);
    while (reader.next()) {
        CHECK_FOR_INTERRUPTS();
        MemoryContext const caller = MemoryContextSwitchTo(row_context);
        json::Buffer out = make_buffer();
        bool const found = reader.write(out);
        Datum const values[] = {reader.id(), found ? finish_text(out) : Datum{0}};
        bool const nulls[] = {reader.id_is_null(), !found};
        rows.put(values, nulls);
        MemoryContextSwitchTo(caller);
        MemoryContextReset(row_context);
    }
    reader.close();
    SPI_finish();
    return rows.finish();
}
