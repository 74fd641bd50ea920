// The questions to a growth reference, each with its argument and its result.  `of` returns false if there is no
// answer. Questions with `kOfMany` are computed faster for many children at once.
#pragma once
#include <cmath>

#include "core/growth/assessment.hpp"
#include "core/growth/bmi.hpp"
#include "core/growth/zscore.hpp"
#include "extension/growth/argument.hpp"

namespace wc::answer {

/// The argument is a measured value.
struct OfValue {
    static constexpr const char *kArgument = "value";
    static constexpr Oid kType = FLOAT8OID;
    static double check(double value, Argument argument) { return positive(value, argument); }
};

struct ZScore : OfValue {
    static constexpr const char *kResult = "the z-score";
    static constexpr auto kOfMany = growth::zscores;
    static bool of(growth::Measure, const growth::Norm &norm, double value, Datum &result)
    {
        result = Float8GetDatum(finite(growth::zscore(norm, value), kResult));
        return true;
    }
};

struct Percentile : OfValue {
    static constexpr const char *kResult = "the percentile";
    static constexpr auto kOfMany = growth::percentiles;
    static bool of(growth::Measure, const growth::Norm &norm, double value, Datum &result)
    {
        result = Float8GetDatum(growth::percentile(norm, value));
        return true;
    }
};

struct Value : OfValue {
    static constexpr const char *kArgument = "percentile";
    static double check(double value, Argument argument) { return percentile_argument(value, argument); }
    static bool of(growth::Measure, const growth::Norm &norm, double percentile, Datum &result)
    {
        double const value = growth::value_at(norm, percentile);
        result = Float8GetDatum(value);
        return !std::isnan(value);
    }
};

struct ModifiedZScore : OfValue {
    static bool of(growth::Measure, const growth::Norm &norm, double value, Datum &result)
    {
        double const z = growth::modified_zscore(norm, value);
        if (std::isnan(z))
            return false;
        result = Float8GetDatum(finite(z, "the modified z-score"));
        return true;
    }
};

struct Implausible : OfValue {
    static constexpr Oid kType = BOOLOID;
    static bool of(growth::Measure measure, const growth::Norm &norm, double value, Datum &result)
    {
        double const z = growth::modified_zscore(norm, value);
        result = BoolGetDatum(growth::implausible(measure, z));
        return !std::isnan(z);
    }
    /// For a sex without a reference: whether the value is beyond the limits of both sexes that have one.
    static bool of_other(growth::Measure measure, double age_months, double value, Datum &result)
    {
        result = BoolGetDatum(true);
        return growth::implausible_for(measure, growth::Sex::Other, age_months, value);
    }
};

struct OfBmi : OfValue {
    static constexpr const char *kArgument = "bmi";
};

struct BmiCategory : OfBmi {
    static constexpr Oid kType = TEXTOID;
    static bool of(growth::Measure, const growth::Norm &norm, double bmi, Datum &result)
    {
        std::string_view const name = growth::name(growth::bmi_category(norm, bmi));
        result = PointerGetDatum(cstring_to_text_with_len(name.data(), static_cast<int>(name.size())));
        return true;
    }
};

struct PercentOfP95 : OfBmi {
    static bool of(growth::Measure, const growth::Norm &norm, double bmi, Datum &result)
    {
        result = Float8GetDatum(finite(growth::percent_of_p95(norm, bmi), "the percentage"));
        return true;
    }
};

}  // namespace wc::answer
