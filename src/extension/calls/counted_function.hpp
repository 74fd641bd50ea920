// The functions whose calls are counted: those that read or change the rows of the attached tables.
//
// Not counted are functions that compute from their arguments, because counting would cost more than the call, and
// functions of administration.
#pragma once
#include <cstddef>
#include <iterator>
#include <string_view>

#include "extension/audit/subject.hpp"

namespace wc::calls {

struct CountedFunction {
    std::string_view name;   // in SQL; all overloads count as one function, and so does the form that returns jsonb
    audit::Subject subject;  // of the first argument
};

/// WC_COUNTED_FUNCTION accepts only these names.
inline constexpr CountedFunction kFunctions[] = {
    {"wc_health_summary", audit::Subject::Student},
    {"wc_health_summaries", audit::Subject::Students},
    {"wc_student_records", audit::Subject::Student},
    {"wc_student_records_after", audit::Subject::Student},
    {"wc_student_allergies", audit::Subject::Student},
    {"wc_student_conditions", audit::Subject::Student},
    {"wc_recent_vitals", audit::Subject::Student},
    {"wc_vaccinations", audit::Subject::Student},
    {"wc_search_health_records", audit::Subject::None},
    {"wc_bulk_delete_records", audit::Subject::Records},
    {"wc_growth_chart", audit::Subject::Student},
    {"wc_growth_chart_svg", audit::Subject::Student},
    {"wc_bmi_category_of", audit::Subject::Student},
    {"wc_latest_bmi", audit::Subject::Student},
    {"wc_bmi_group_of", audit::Subject::Student},
    {"wc_growth_prevalence", audit::Subject::None},
    {"wc_vital_trend", audit::Subject::Student},
    {"wc_export_health_history", audit::Subject::Student},
    {"wc_export_health_histories", audit::Subject::Students},
    {"wc_export_health_history_ndjson", audit::Subject::Student},
    {"wc_export_health_history_csv", audit::Subject::Student},
    {"wc_import_health_history", audit::Subject::None},
    {"wc_cache_entries", audit::Subject::Students},
};
inline constexpr std::size_t kFunctionCount = std::size(kFunctions);

/// Returns the index of a name in kFunctions.  A name that is not in the list does not compile.
consteval std::size_t number_of(std::string_view name)
{
    for (std::size_t i = 0; i < kFunctionCount; ++i) {
        if (kFunctions[i].name == name)
            return i;
    }
    throw "add the function to kFunctions";
}

}  // namespace wc::calls
