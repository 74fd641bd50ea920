#include "extension/growth/chart.hpp"

#include <cmath>

#include "extension/binding/id.hpp"
#include "extension/server/arrays.hpp"
#include "extension/server/boundary.hpp"
#include "extension/value/json_result.hpp"
#include "extension/value/json_value.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<GrowthPoints>);

namespace {

using namespace std::string_view_literals;

// Writes a number as the record has it if it is in the vital's own unit; a converted one with two decimals.
void write_vital(json::Buffer &out, const Vital &vital)
{
    if (vital.as_given != nullptr)
        write_numeric(out, vital.as_given);
    else if (std::isnan(vital.value))
        json::write_null(out);
    else
        json::write_double(out, std::round(vital.value * 100) / 100);
}

bool is_known(const Vital &vital) { return vital.as_given != nullptr || !std::isnan(vital.value); }

constexpr growth::Measure kInOrder[] = {growth::Measure::Height, growth::Measure::Weight, growth::Measure::Bmi};

bool has_scores(const growth::Standing &of) { return of.is_known; }
bool is_told(const growth::Standing &of) { return of.is_known || of.is_implausible; }

// Writes {"height":…,"weight":…,"bmi":…}, with null for what is unknown.
template <class Known, class Write>
void write_of_each(json::Buffer &out, const growth::Assessment &found, Known known, Write write)
{
    char next = '{';
    for (growth::Measure const measure : kInOrder) {
        out.append(next);
        next = ',';
        json::write_string(out, growth::name(measure));
        out.append(':');
        const growth::Standing &standing = found.of[static_cast<int>(measure)];
        if (known(standing))
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
    write_of_each(out, found, has_scores, [&](const growth::Standing &of) { json::write_double(out, of.zscore); });
    out.append(R"(,"percentiles":)"sv);
    write_of_each(out, found, has_scores, [&](const growth::Standing &of) { json::write_double(out, of.percentile); });
    out.append(R"(,"category":)"sv);
    if (found.has_category)
        json::write_string(out, growth::name(found.category));
    else
        json::write_null(out);
    out.append(R"(,"implausible":)"sv);
    write_of_each(out, found, is_told,
                  [&](const growth::Standing &of) { json::write_boolean(out, of.is_implausible); });
}

bool parse_include(ArrayType *include)
{
    int const count = for_each_name(include, "include", [](Datum given) {
        const char *const name = TextDatumGetCString(given);
        if (strcmp(name, "percentiles") != 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown section \"%s\"", name),
                            errhint("\"include\" takes percentiles.")));
    });
    return count > 0;
}

void write_chart(json::Buffer &out, const Child &child, Datum student_id, bool with_percentiles)
{
    const BoundTable &records = lock_bound_table(Entity::HealthRecords);
    GrowthPoints points(out, records, with_percentiles ? &child : nullptr);
    points.begin();
    for_each_measurement(records, student_id, nullptr, [&](const MeasuredAt &one) { points.add(one); });
    points.finish();
}

}  // namespace

void GrowthPoints::begin()
{
    out_.append('[');
    begin_ = last_ = out_.size();
}

void GrowthPoints::add(const MeasuredAt &measured)
{
    Oid const date_type = records_.columns[record::Date].type;
    JsonbValue height_value;
    JsonbValue weight_value;
    JsonbValue bmi_value;
    Vital const height = find_vital(measured.vital, "height"sv, height_value);
    Vital const weight = find_vital(measured.vital, "weight"sv, weight_value);
    if (!is_known(height) && !is_known(weight))
        return;
    if (out_.size() > begin_ && measured.date == date_)
        out_.truncate(last_);
    last_ = out_.size();
    date_ = measured.date;
    out_.append(last_ == begin_ ? R"({"date":)"sv : R"(,{"date":)"sv);
    write_value(out_, measured.date, date_type);
    out_.append(R"(,"height":)"sv);
    write_vital(out_, height);
    out_.append(R"(,"weight":)"sv);
    write_vital(out_, weight);
    out_.append(R"(,"bmi":)"sv);
    write_vital(out_, find_vital(measured.vital, "bmi"sv, bmi_value));
    out_.append(R"(,"recordType":)"sv);
    write_value(out_, measured.type, records_.columns[record::Type].type);
    if (child_ != nullptr) {
        double const age = age_months(*child_, measured.date, date_type);
        write_assessment(out_, age, growth::assess(child_->sex, age, read_growth(measured.vital)));
    }
    out_.append('}');
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
WC_READING_FUNCTION(wc_growth_chart)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    bool const with_percentiles = !PG_ARGISNULL(1) && parse_include(PG_GETARG_ARRAYTYPE_P(1));
    lock_tables({Entity::Students, Entity::HealthRecords});
    json::Buffer out = make_buffer();
    Datum id = 0;
    Child child{};
    SPI_connect();
    if (student_argument(fcinfo, id))
        child = find_child(id);
    if (child.is_found) {
        write_chart(out, child, id, with_percentiles);
    } else {
        out.append("[]"sv);
        audit::note_nothing();
    }
    SPI_finish();
    return json_result(fcinfo, finish_text(out));
}
