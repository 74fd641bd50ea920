// The vital signs that a record may hold, and what they add to a trend.
#pragma once
#include "core/vitals/trend.hpp"
#include "extension/measurements.hpp"

namespace wc {

inline constexpr std::string_view kVitals[] = {"temperature",
                                               "bloodPressureSystolic",
                                               "bloodPressureDiastolic",
                                               "heartRate",
                                               "respiratoryRate",
                                               "oxygenSaturation",
                                               "height",
                                               "weight",
                                               "bmi"};

/// Adds what was measured of a vital; nothing where it is no number, or where the record has no finite date.
void add_to_trend(vitals::Trend &trend, const MeasuredAt &measured, Oid date_type, std::string_view vital);

}  // namespace wc
