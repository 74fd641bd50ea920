// Checks the arguments of growth functions: measures, sexes and measured values.
#pragma once
#include <limits>

#include "core/growth/reference.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

[[noreturn]] void reject_number(double value, const char *what, int index);
[[noreturn]] void reject_overflow(const char *what);

/// The name of an argument, and within an array its index from 1.
struct Argument {
    const char *name;
    int index = 0;
};

/// Returns the value.  Errors: 22003 for zero, negative numbers, NaN and infinity; they do not show the number, which
/// may be a child's.
inline double positive(double value, Argument argument)
{
    if (unlikely(!(value > 0 && value <= std::numeric_limits<double>::max())))
        reject_number(value, argument.name, argument.index);
    return value;
}

/// Returns the age, which may lie outside of every reference.  Errors: 22003 for NaN and infinity.
double age_in_months(double age, Argument argument);

/// Returns the percentile.  Errors: 22003 unless it is above 0 and below 100.
double percentile_argument(double percentile, Argument argument);

/// Returns a result.  Errors: 22003 if it has overflowed.
inline double finite(double result, const char *what)
{
    if (unlikely(!(result >= std::numeric_limits<double>::lowest() && result <= std::numeric_limits<double>::max())))
        reject_overflow(what);
    return result;
}

/// Errors: 22023 for an unknown measure or sex, with the known ones; the error for a sex does not show the given text.
growth::Measure measure_of_text(Datum text);
growth::Sex sex_of_text(Datum text);

/// Returns the sex for the label of an enum of the application; labels without a reference are Other.
growth::Sex sex_of_enum(Datum value);

}  // namespace wc
