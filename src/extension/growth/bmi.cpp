// The functions that compute the body mass index, of one child or of arrays of children.
#include "core/growth/bmi.hpp"

#include "extension/growth/argument.hpp"
#include "extension/server/arrays.hpp"
#include "extension/server/boundary.hpp"

namespace wc {
namespace {

inline double exact_bmi(double height_cm, double weight_kg, int index = 0)
{
    return growth::bmi(positive(height_cm, {"height_cm", index}), positive(weight_kg, {"weight_kg", index}));
}

inline double rounded_bmi(double height_cm, double weight_kg, int index = 0)
{
    return finite(growth::round_to_tenth(exact_bmi(height_cm, weight_kg, index)), "the BMI");
}

}  // namespace
}  // namespace wc

using namespace wc;

// wc_bmi(height_cm, weight_kg)
WC_FUNCTION(wc_bmi) { PG_RETURN_FLOAT8(rounded_bmi(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1))); }

// wc_bmi_exact(height_cm, weight_kg)
WC_FUNCTION(wc_bmi_exact)
{
    double const height_cm = PG_GETARG_FLOAT8(0);
    PG_RETURN_FLOAT8(finite(exact_bmi(height_cm, PG_GETARG_FLOAT8(1)), "the BMI"));
}

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
            result.put(i, Float8GetDatum(rounded_bmi(heights[i], weights[i], i + 1)));
    }
    PG_RETURN_DATUM(result.as_array(FLOAT8OID));
}
