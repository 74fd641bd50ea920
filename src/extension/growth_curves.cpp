// The curves of a growth reference, point by point.
#include <cmath>

#include "core/growth/zscore.hpp"
#include "extension/boundary.hpp"
#include "extension/growth_argument.hpp"
#include "extension/number_array.hpp"
#include "extension/result_rows.hpp"

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

Datum put_curves(FunctionCallInfo fcinfo, growth::Sex sex)
{
    growth::Measure const measure = measure_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(0)));
    NumberArray const percentiles(PG_GETARG_ARRAYTYPE_P(2), "percentiles");
    for (int i = 0; i < percentiles.count(); ++i) {
        if (!percentiles.is_null(i))
            percentile_argument(percentiles[i], {percentiles.name(), i + 1});
    }
    ResultRows rows(fcinfo);
    for (int point = 0; sex != growth::Sex::Other && point < growth::kCdcPoints; ++point)
        put_point(rows, growth::cdc_point(measure, sex, point), growth::cdc_age(point), percentiles);
    return rows.finish();
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_growth_curves(measure, sex text, percentiles)
WC_FUNCTION(wc_growth_curves) { return put_curves(fcinfo, sex_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(1)))); }

// wc_growth_curves(measure, sex anyenum, percentiles)
WC_FUNCTION(wc_growth_curves_by_enum) { return put_curves(fcinfo, sex_of_enum(PG_GETARG_DATUM(1))); }
