// The functions that ask a growth reference, CDC 2000 or another one: percentiles, z-scores, categories and others, of
// one child or of arrays of children.
#include "extension/growth/question.hpp"
#include "extension/growth/reference.hpp"
#include "extension/server/arrays.hpp"
#include "extension/server/boundary.hpp"

namespace wc {
namespace {

using growth::Measure;
using growth::Norm;
using growth::Sex;

// CDC 2000, the reference that is compiled into the library.
struct Cdc {
    bool find(Measure measure, Sex sex, double age_months, Norm &norm) const
    {
        return growth::cdc_norm(measure, sex, age_months, norm);
    }
};

// Answers for a sex without a reference; most questions have no answer.
template <class Answer>
bool answer_other(Measure measure, Sex sex, double age_months, double value, Datum &result)
{
    if constexpr (requires { Answer::of_other(measure, age_months, value, result); })
        return sex == Sex::Other && Answer::of_other(measure, age_months, value, result);
    else
        return false;
}

// Answers for one child.  The arguments from `first` on are age and value.
template <class Answer, class Reference>
Datum answer_one(FunctionCallInfo fcinfo, const Reference &reference, Measure measure, Sex sex, int first)
{
    double const age = age_in_months(PG_GETARG_FLOAT8(first), {"age_months"});
    double const value = Answer::check(PG_GETARG_FLOAT8(first + 1), {Answer::kArgument});
    Norm norm;
    Datum result = 0;
    bool const is_known = reference.find(measure, sex, age, norm)
                              ? Answer::of(measure, norm, value, result)
                              : answer_other<Answer>(measure, sex, age, value, result);
    if (!is_known)
        PG_RETURN_NULL();
    return result;
}

// Collects children that have a reference, until there are enough to compute their answers together.
class Block {
public:
    static constexpr int kSize = 128;

    Norm &next_norm() { return norms_[count_]; }
    void add(double value, int place)
    {
        values_[count_] = value;
        places_[count_++] = place;
    }
    bool is_full() const { return count_ == kSize; }

    template <class Answer>
    void answer(Measure measure, ResultArray &results)
    {
        if constexpr (requires { Answer::kOfMany; }) {
            double made[kSize];
            Answer::kOfMany(norms_, values_, made, static_cast<std::size_t>(count_));
            for (int i = 0; i < count_; ++i)
                results.put(places_[i], Float8GetDatum(finite(made[i], Answer::kResult)));
        } else {
            for (int i = 0; i < count_; ++i) {
                Datum result = 0;
                if (Answer::of(measure, norms_[i], values_[i], result))
                    results.put(places_[i], result);
                else
                    results.put_null(places_[i]);
            }
        }
        count_ = 0;
    }

private:
    int count_ = 0;
    Norm norms_[kSize];
    double values_[kSize];
    int places_[kSize];
};

// Answers for arrays.  The arguments from `first` on are sexes, ages and values.  An element with a NULL in one of them
// gives NULL.
template <class Answer, class Reference>
Datum answer_each(FunctionCallInfo fcinfo, const Reference &reference, Measure measure, int first)
{
    ArrayElements const sexes(PG_GETARG_ARRAYTYPE_P(first), "sex");
    NumberArray const ages(PG_GETARG_ARRAYTYPE_P(first + 1), "age_months");
    NumberArray const values(PG_GETARG_ARRAYTYPE_P(first + 2), Answer::kArgument);
    check_same_length(sexes, ages);
    check_same_length(sexes, values);
    ResultArray results(sexes.count());
    Block block;
    for (int i = 0; i < sexes.count(); ++i) {
        if (sexes.is_null(i) || ages.is_null(i) || values.is_null(i)) {
            results.put_null(i);
            continue;
        }
        Sex const sex = sex_of_text(sexes.datum(i));
        double const age = age_in_months(ages[i], {ages.name(), i + 1});
        double const value = Answer::check(values[i], {values.name(), i + 1});
        Datum result = 0;
        if (reference.find(measure, sex, age, block.next_norm()))
            block.add(value, i);
        else if (answer_other<Answer>(measure, sex, age, value, result))
            results.put(i, result);
        else
            results.put_null(i);
        if (block.is_full())
            block.answer<Answer>(measure, results);
    }
    block.answer<Answer>(measure, results);
    PG_RETURN_DATUM(results.as_array(Answer::kType));
}

Measure measure_argument(FunctionCallInfo fcinfo) { return measure_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(0))); }

Sex sex_argument(FunctionCallInfo fcinfo, int n) { return sex_of_text(PointerGetDatum(PG_GETARG_TEXT_PP(n))); }

// Returns the reference that the fifth argument names.  It is an error if it does not have the measure.
const GrowthReference &reference_argument(FunctionCallInfo fcinfo, Measure measure)
{
    const GrowthReference &reference = growth_reference(fcinfo, PointerGetDatum(PG_GETARG_TEXT_PP(4)));
    reference.check_has(measure);
    return reference;
}

template <class Answer>
Datum answer_from(FunctionCallInfo fcinfo, Sex sex)
{
    Measure const measure = measure_argument(fcinfo);
    return answer_one<Answer>(fcinfo, reference_argument(fcinfo, measure), measure, sex, 2);
}

template <class Answer>
Datum answer_each_from(FunctionCallInfo fcinfo)
{
    Measure const measure = measure_argument(fcinfo);
    return answer_each<Answer>(fcinfo, reference_argument(fcinfo, measure), measure, 1);
}

}  // namespace
}  // namespace wc

using namespace wc;

// Defines name(measure, sex text, age_months, value), the same with an enum for the sex, and the same for arrays.
#define GROWTH_FUNCTIONS(name, Answer)                                                                          \
    WC_FUNCTION(name)                                                                                           \
    {                                                                                                           \
        return answer_one<Answer>(fcinfo, Cdc{}, measure_argument(fcinfo), sex_argument(fcinfo, 1), 2);         \
    }                                                                                                           \
    WC_FUNCTION(name##_by_enum)                                                                                 \
    {                                                                                                           \
        return answer_one<Answer>(fcinfo, Cdc{}, measure_argument(fcinfo), sex_of_enum(PG_GETARG_DATUM(1)), 2); \
    }                                                                                                           \
    WC_FUNCTION(name##_batch) { return answer_each<Answer>(fcinfo, Cdc{}, measure_argument(fcinfo), 1); }

// Defines these functions with a reference as the fifth argument.
#define REFERENCE_FUNCTIONS(name, Answer)                                                                     \
    WC_FUNCTION(name##_from) { return answer_from<Answer>(fcinfo, sex_argument(fcinfo, 1)); }                 \
    WC_FUNCTION(name##_from_by_enum) { return answer_from<Answer>(fcinfo, sex_of_enum(PG_GETARG_DATUM(1))); } \
    WC_FUNCTION(name##_from_batch) { return answer_each_from<Answer>(fcinfo); }

// Defines name(sex text, age_months, bmi), the same with an enum for the sex, and the same for arrays.
#define BMI_FUNCTIONS(name, Answer)                                                                           \
    WC_FUNCTION(name) { return answer_one<Answer>(fcinfo, Cdc{}, Measure::Bmi, sex_argument(fcinfo, 0), 1); } \
    WC_FUNCTION(name##_by_enum)                                                                               \
    {                                                                                                         \
        return answer_one<Answer>(fcinfo, Cdc{}, Measure::Bmi, sex_of_enum(PG_GETARG_DATUM(0)), 1);           \
    }                                                                                                         \
    WC_FUNCTION(name##_batch) { return answer_each<Answer>(fcinfo, Cdc{}, Measure::Bmi, 0); }

GROWTH_FUNCTIONS(wc_growth_zscore, answer::ZScore)
GROWTH_FUNCTIONS(wc_growth_percentile, answer::Percentile)
GROWTH_FUNCTIONS(wc_growth_value, answer::Value)
GROWTH_FUNCTIONS(wc_growth_modified_zscore, answer::ModifiedZScore)
GROWTH_FUNCTIONS(wc_growth_implausible, answer::Implausible)

REFERENCE_FUNCTIONS(wc_growth_zscore, answer::ZScore)
REFERENCE_FUNCTIONS(wc_growth_percentile, answer::Percentile)
REFERENCE_FUNCTIONS(wc_growth_value, answer::Value)
REFERENCE_FUNCTIONS(wc_growth_modified_zscore, answer::ModifiedZScore)

BMI_FUNCTIONS(wc_bmi_category, answer::BmiCategory)
BMI_FUNCTIONS(wc_bmi_percent_of_p95, answer::PercentOfP95)
