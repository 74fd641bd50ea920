// What the functions of growth take: measures, sexes and measured values, checked.
#pragma once
#include <limits>

#include "core/growth/reference.hpp"
#include "extension/prelude.hpp"

namespace wc {

[[noreturn]] void reject_number(double value, const char *what, int index);
[[noreturn]] void reject_overflow(const char *what, double value);

/// The name of an argument, and within an array its index from 1.
struct Argument {
    const char *name;
    int index = 0;
};

/// Errors: 22003 for zero, negative numbers, NaN and infinity, with the value.
inline double positive(double value, Argument argument)
{
    if (unlikely(!(value > 0 && value <= std::numeric_limits<double>::max())))
        reject_number(value, argument.name, argument.index);
    return value;
}

/// An age may lie outside of every reference, but must be a number.  Errors: 22003.
double age_in_months(double age, Argument argument);

/// Above 0 and below 100.  Errors: 22003.
double percentile_argument(double percentile, Argument argument);

/// A result.  Errors: 22003 where it overflowed, with the value it was to be made of.
inline double finite(double result, const char *what, double value)
{
    if (unlikely(!(result >= std::numeric_limits<double>::lowest() && result <= std::numeric_limits<double>::max())))
        reject_overflow(what, value);
    return result;
}

/// Errors: 22023 for an unknown name, with the known ones.
growth::Measure measure_of_text(Datum text);
growth::Sex sex_of_text(Datum text);

/// By the label of an enum of the application's; labels that are not a sex of the references are Other.
growth::Sex sex_of_enum(Datum value);

}  // namespace wc
