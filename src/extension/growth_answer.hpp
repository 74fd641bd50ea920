// The questions that can be asked of a growth reference, each with what it takes and gives.  `of` is false where there
// is no answer.  Those with `kOfMany` are answered faster for many at once.
#pragma once
#include <cmath>

#include "core/growth/bmi.hpp"
#include "core/growth/zscore.hpp"
#include "extension/growth_argument.hpp"

namespace wc::answer {

/// A measured value is asked about.
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
        result = Float8GetDatum(finite(growth::zscore(norm, value), kResult, value));
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
        result = Float8GetDatum(finite(z, "the modified z-score", value));
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
        result = Float8GetDatum(finite(growth::percent_of_p95(norm, bmi), "the percentage", bmi));
        return true;
    }
};

}  // namespace wc::answer
