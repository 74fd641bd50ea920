// Where one child stood at one measurement.
#pragma once
#include "core/growth/bmi.hpp"
#include "core/growth/reference.hpp"

namespace wc::growth {

inline constexpr int kMeasures = 3;

/// What was measured; NaN, zero or a negative number where it was not.
struct Measurement {
    double height_cm;
    double weight_kg;
    double bmi;  // as recorded
};

struct Standing {
    bool is_known;  // the rest is set where there is a value and a reference for it
    double zscore;
    double percentile;
    bool is_implausible;
};

struct Assessment {
    Standing of[kMeasures];  // by Measure
    bool has_category;
    Category category;

    bool is_implausible() const noexcept;
};

/// The value of a measure; NaN where there is none.  BMI is that of height and weight where both were measured, which
/// has more digits than a recorded one; else as recorded.
double value_of(const Measurement &measurement, Measure measure) noexcept;

/// By CDC's reference.  Nothing is known for an age outside 24 ≤ age < 240 months or a sex other than male and female.
Assessment assess(Sex sex, double age_months, const Measurement &measurement) noexcept;

}  // namespace wc::growth
