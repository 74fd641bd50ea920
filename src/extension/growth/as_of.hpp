// The arguments `as_of` and `within` of functions that count BMI categories, and names of groups without a category.
#pragma once
#include "extension/growth/latest_bmi.hpp"

namespace wc {

/// The groups of students that are in no category.
inline constexpr std::string_view kToBeChecked = "to be checked";
inline constexpr std::string_view kNoRecentMeasurement = "no recent measurement";
inline constexpr std::string_view kNoReference = "no reference";

/// Returns the time of argument `n`, `as_of`: the end of the day if it is a day without an hour; for NULL the beginning
/// of the transaction.
TimestampTz as_of_argument(FunctionCallInfo fcinfo, int n);

/// Returns the period of the arguments `as_of` and `within`, an interval; NULL for `within` sets no limit.
///
/// Errors: 22023 an interval that is not positive; 22008 an interval that leads beyond the earliest timestamp.
Period period_arguments(FunctionCallInfo fcinfo, int as_of, int within);

}  // namespace wc
