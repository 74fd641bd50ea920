// Body mass index: one child, or arrays of children.
#include "core/growth/bmi.hpp"

#include "extension/boundary.hpp"
#include "extension/growth_argument.hpp"
#include "extension/number_array.hpp"

namespace wc {
namespace {

double checked_bmi(double height_cm, double weight_kg, int index = 0)
{
    positive(height_cm, {"height_cm", index});
    positive(weight_kg, {"weight_kg", index});
    return finite(growth::bmi(height_cm, weight_kg), "the BMI for a height", height_cm);
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_bmi(height_cm, weight_kg)
WC_FUNCTION(wc_bmi)
{
    double const exact = checked_bmi(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1));
    PG_RETURN_FLOAT8(finite(growth::round_to_tenth(exact), "the BMI for a height", PG_GETARG_FLOAT8(0)));
}

// wc_bmi_exact(height_cm, weight_kg)
WC_FUNCTION(wc_bmi_exact) { PG_RETURN_FLOAT8(checked_bmi(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1))); }

// wc_bmi_batch(heights_cm, weights_kg)
WC_FUNCTION(wc_bmi_batch)
{
    NumberArray const heights(PG_GETARG_ARRAYTYPE_P(0), "height_cm");
    NumberArray const weights(PG_GETARG_ARRAYTYPE_P(1), "weight_kg");
    check_same_length(heights, weights);
    ResultArray result(heights.count());
    for (int i = 0; i < heights.count(); ++i) {
        if (heights.is_null(i) || weights.is_null(i))
            result.put_null(i);
        else
            result.put(i, Float8GetDatum(growth::round_to_tenth(checked_bmi(heights[i], weights[i], i + 1))));
    }
    PG_RETURN_DATUM(result.as_array(FLOAT8OID));
}
