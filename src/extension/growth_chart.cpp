#include "extension/growth_chart.hpp"

#include <cmath>

#include "extension/boundary.hpp"
#include "extension/json_value.hpp"
#include "extension/student_id.hpp"

namespace wc {
namespace {

using namespace std::string_view_literals;

void write_number(json::Buffer &out, Numeric number)
{
    if (number == nullptr)
        json::write_null(out);
    else
        write_numeric(out, number);
}

constexpr growth::Measure kInOrder[] = {growth::Measure::Height, growth::Measure::Weight, growth::Measure::Bmi};

// {"height":…,"weight":…,"bmi":…}, with null where nothing is known
template <class Write>
void write_of_each(json::Buffer &out, const growth::Assessment &found, Write write)
{
    char next = '{';
    for (growth::Measure const measure : kInOrder) {
        out.append(next);
        next = ',';
        json::write_string(out, growth::name(measure));
        out.append(':');
        const growth::Standing &standing = found.of[static_cast<int>(measure)];
        if (standing.is_known)
            write(standing);
        else
            json::write_null(out);
    }
    out.append('}');
}

void write_assessment(json::Buffer &out, double age, const growth::Assessment &found)
{
    out.append(R"(,"ageMonths":)"sv);
    if (std::isnan(age))
        json::write_null(out);
    else
        json::write_double(out, age);
    out.append(R"(,"zScores":)"sv);
    write_of_each(out, found, [&](const growth::Standing &of) { json::write_double(out, of.zscore); });
    out.append(R"(,"percentiles":)"sv);
    write_of_each(out, found, [&](const growth::Standing &of) { json::write_double(out, of.percentile); });
    out.append(R"(,"category":)"sv);
    if (found.has_category)
        json::write_string(out, growth::name(found.category));
    else
        json::write_null(out);
    out.append(R"(,"implausible":)"sv);
    write_of_each(out, found, [&](const growth::Standing &of) { json::write_boolean(out, of.is_implausible); });
}

bool parse_include(ArrayType *include)
{
    Datum *names = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(include, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
    for (int i = 0; i < count; ++i) {
        if (nulls[i])
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"include\" must not contain NULL")));
        const char *const name = TextDatumGetCString(names[i]);
        if (strcmp(name, "percentiles") != 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown section \"%s\"", name),
                            errhint("\"include\" takes percentiles.")));
    }
    return count > 0;
}

void write_chart(json::Buffer &out, const Child &child, Datum student_id, bool with_percentiles)
{
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    SPITupleTable *const rows = select_measurements(records, student_id, nullptr);
    write_growth_points(out, records, rows, with_percentiles ? &child : nullptr);
    SPI_freetuptable(rows);
}

}  // namespace

void write_growth_points(json::Buffer &out, const BoundTable &records, const SPITupleTable *rows, const Child *child)
{
    Oid const date_type = records.columns[record::Date].type;
    out.append('[');
    bool first = true;
    for (uint64 i = 0; i < rows->numvals; ++i) {
        MeasuredAt const measured = read_measurement(rows, i);
        JsonbValue height_value;
        JsonbValue weight_value;
        JsonbValue bmi_value;
        Numeric const height = find_number(measured.vital, "height"sv, height_value);
        Numeric const weight = find_number(measured.vital, "weight"sv, weight_value);
        if (height == nullptr && weight == nullptr)
            continue;
        out.append(first ? R"({"date":)"sv : R"(,{"date":)"sv);
        first = false;
        write_value(out, measured.date, date_type);
        out.append(R"(,"height":)"sv);
        write_number(out, height);
        out.append(R"(,"weight":)"sv);
        write_number(out, weight);
        out.append(R"(,"bmi":)"sv);
        write_number(out, find_number(measured.vital, "bmi"sv, bmi_value));
        out.append(R"(,"recordType":)"sv);
        write_value(out, measured.type, records.columns[record::Type].type);
        if (child != nullptr) {
            double const age = age_months(*child, measured.date, date_type);
            write_assessment(out, age, growth::assess(child->sex, age, read_growth(measured.vital)));
        }
        out.append('}');
    }
    out.append(']');
}

bool write_growth_chart(json::Buffer &out, Datum student_id)
{
    Child const child = find_child(student_id);
    if (child.is_found)
        write_chart(out, child, student_id, false);
    return child.is_found;
}

}  // namespace wc

using namespace wc;

// wc_growth_chart(student_id text | uuid | bigint, include text[])
WC_FUNCTION(wc_growth_chart)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    bool const with_percentiles = !PG_ARGISNULL(1) && parse_include(PG_GETARG_ARRAYTYPE_P(1));
    json::Buffer out = make_buffer();
    Datum id = 0;
    Child child{};
    SPI_connect();
    if (convert_student_id(PG_GETARG_DATUM(0), get_fn_expr_argtype(fcinfo->flinfo, 0),
                           lock_bound_table(Entity::Students).columns[student::Id], id))
        child = find_child(id);
    if (child.is_found)
        write_chart(out, child, id, with_percentiles);
    else
        out.append("[]"sv);
    SPI_finish();
    return finish_text(out);
}
