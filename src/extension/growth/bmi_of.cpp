// The functions about the latest BMI of one student: its category, its details, and the group in which counts put it.
#include <cmath>

#include "extension/binding/id.hpp"
#include "extension/growth/as_of.hpp"
#include "extension/growth/latest_bmi.hpp"
#include "extension/server/boundary.hpp"

namespace wc {
namespace {

LatestBmi latest_bmi(FunctionCallInfo fcinfo, const Period &period)
{
    lock_tables({Entity::Students, Entity::HealthRecords});
    Datum id = 0;
    if (!student_argument(fcinfo, id))
        return {};
    return find_latest_bmi(id, period);
}

Datum text_of(std::string_view words)
{
    return PointerGetDatum(cstring_to_text_with_len(words.data(), static_cast<int>(words.size())));
}

std::string_view group_of(const LatestBmi &latest)
{
    if (!latest.is_found)
        return kNoRecentMeasurement;
    if (latest.is_implausible)
        return kToBeChecked;
    return latest.has_category ? growth::name(latest.category) : kNoReference;
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_bmi_category_of(student_id text | uuid | bigint, as_of text | date | timestamptz, plausible_only boolean)
WC_READING_FUNCTION(wc_bmi_category_of)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    bool const plausible_only = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
    LatestBmi const latest = latest_bmi(fcinfo, {DT_NOBEGIN, as_of_argument(fcinfo, 1)});
    if (!latest.has_category || (plausible_only && latest.is_implausible))
        PG_RETURN_NULL();
    return text_of(growth::name(latest.category));
}

// wc_latest_bmi(student_id text | uuid | bigint, as_of text | date | timestamptz) → (category, implausible, bmi,
// measured_at)
WC_READING_FUNCTION(wc_latest_bmi)
{
    TupleDesc shape = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &shape) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    LatestBmi const latest = latest_bmi(fcinfo, {DT_NOBEGIN, as_of_argument(fcinfo, 1)});
    if (!latest.is_found)
        PG_RETURN_NULL();
    bool const has_bmi = !std::isnan(latest.bmi);
    Datum const values[] = {latest.has_category ? text_of(growth::name(latest.category)) : Datum{0},
                            BoolGetDatum(latest.is_implausible), Float8GetDatum(latest.bmi),
                            TimestampTzGetDatum(latest.measured_at)};
    bool const nulls[] = {!latest.has_category, false, !has_bmi, false};
    return HeapTupleGetDatum(
        heap_form_tuple(BlessTupleDesc(shape), const_cast<Datum *>(values), const_cast<bool *>(nulls)));
}

// wc_bmi_group_of(student_id text | uuid | bigint, as_of text | date | timestamptz, within interval)
WC_READING_FUNCTION(wc_bmi_group_of)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    return text_of(group_of(latest_bmi(fcinfo, period_arguments(fcinfo, 1, 2))));
}
