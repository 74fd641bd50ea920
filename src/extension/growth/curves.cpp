// wc_growth_curves: the curves of a growth reference, point by point.
#include <cmath>

#include "core/growth/zscore.hpp"
#include "extension/growth/argument.hpp"
#include "extension/growth/reference.hpp"
#include "extension/server/arrays.hpp"
#include "extension/server/boundary.hpp"
#include "extension/server/result_rows.hpp"

namespace wc {
namespace {

void put_point(ResultRows &rows, const growth::Norm &norm, double age_months, const NumberArray &percentiles)
{
    for (int i = 0; i < percentiles.count(); ++i) {
        if (percentiles.is_null(i))
            continue;
        double const value = growth::value_at(norm, percentiles[i]);
        Datum const columns[] = {Float8GetDatum(age_months), percentiles.datum(i), Float8GetDatum(value)};
        bool const nulls[] = {false, false, std::isnan(value)};
        rows.put(columns, nulls);
    }
}

void check_percentiles(const NumberArray &percentiles)
{
    for (int i = 0; i < percentiles.count(); ++i) {
        if (!percentiles.is_null(i))
            percentile_argument(percentiles[i], {percentiles.name(), i + 1});
    }
}

void put_cdc(ResultRows &rows, growth::Measure measure, growth::Sex sex, const NumberArray &percentiles)
{
    for (int point = 0; sex != growth::Sex::Other && point < growth::kCdcPoints; ++point)
        put_point(rows, growth::cdc_point(measure, sex, point), growth::cdc_age(point), percentiles);
}

Datum put_curves(FunctionCallInfo fcinfo, growth::Sex sex)
{
    growth::Measure const measure = measure_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(0)));
    NumberArray const percentiles(PG_GETARG_ARRAYTYPE_P(2), "percentiles");
    check_percentiles(percentiles);
    ResultRows rows(fcinfo);
    put_cdc(rows, measure, sex, percentiles);
    return rows.finish();
}

Datum put_curves_from(FunctionCallInfo fcinfo, growth::Sex sex)
{
    growth::Measure const measure = measure_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(0)));
    NumberArray const percentiles(PG_GETARG_ARRAYTYPE_P(2), "percentiles");
    check_percentiles(percentiles);
    const GrowthReference &reference = growth_reference(fcinfo, PointerGetDatum(PG_GETARG_TEXT_PP(3)));
    reference.check_has(measure);
    ResultRows rows(fcinfo);
    if (reference.is_cdc())
        put_cdc(rows, measure, sex, percentiles);
    const GrowthSeries &series = reference.series(measure, sex);
    for (std::size_t i = 0; i < series.count; ++i)
        put_point(rows, {series.points[i].lms}, series.points[i].age_months, percentiles);
    return rows.finish();
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_growth_curves(measure, sex text, percentiles)
WC_FUNCTION(wc_growth_curves) { return put_curves(fcinfo, sex_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(1)))); }

// wc_growth_curves(measure, sex anyenum, percentiles)
WC_FUNCTION(wc_growth_curves_by_enum) { return put_curves(fcinfo, sex_of_enum(PG_GETARG_DATUM(1))); }

// wc_growth_curves(measure, sex text, percentiles, reference)
WC_FUNCTION(wc_growth_curves_from)
{
    return put_curves_from(fcinfo, sex_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(1))));
}

// wc_growth_curves(measure, sex anyenum, percentiles, reference)
WC_FUNCTION(wc_growth_curves_from_by_enum) { return put_curves_from(fcinfo, sex_of_enum(PG_GETARG_DATUM(1))); }
