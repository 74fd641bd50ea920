// The vital signs that a record may have, and their trends.
#pragma once
#include "core/vitals/trend.hpp"
#include "extension/vitals/measurements.hpp"

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

/// The trend of a vital sign over a student's measurements.
class VitalTrend {
public:
    VitalTrend() = default;
    /// `vital` is one of kVitals; `date_type` is the type of the measurements' dates.
    VitalTrend(std::string_view vital, Oid date_type) : vital_(vital), date_type_(date_type) {}

    /// Adds a measurement; they come oldest first, and of several numbers of one moment the last one counts.  Adds
    /// nothing if the vital is not a number, or if the record has no finite date.
    void add(const MeasuredAt &measured);

    /// REQUIRES: no measurement follows.
    const vitals::Trend &finish();

private:
    std::string_view vital_;
    Oid date_type_ = InvalidOid;
    vitals::Trend trend_;
    // The last number; it is not in the trend yet.
    bool has_last_ = false;
    int64 time_ = 0;
    double value_ = 0;
};

}  // namespace wc
