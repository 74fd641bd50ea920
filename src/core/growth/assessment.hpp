// Where one child stood at one measurement.
#pragma once
#include "core/growth/bmi.hpp"
#include "core/growth/reference.hpp"

namespace wc::growth {

inline constexpr int kMeasures = 3;

/// What was measured.  A value that was not measured is NaN, zero or negative.
struct Measurement {
    double height_cm;
    double weight_kg;
    double bmi;  // as recorded
};

struct Standing {
    bool is_known;  // there are a value and a reference for it: z-score and percentile are set
    double zscore;
    double percentile;
    bool is_implausible;  // also where nothing is known but that (implausible_for)
};

struct Assessment {
    Standing of[kMeasures];  // by Measure
    bool has_category;
    Category category;

    bool is_implausible() const noexcept;
};

/// Returns the value of a measure, or NaN if it was not measured.  If both height and weight were measured, the BMI is
/// computed from them, because that has more digits than a recorded BMI; otherwise it is the recorded one.
double value_of(const Measurement &measurement, Measure measure) noexcept;

/// Returns whether there is a recorded BMI, or height and weight to compute it from.
bool is_bmi_measured(const Measurement &measurement) noexcept;

/// Returns whether a value is beyond CDC's limits.  For a sex that the reference does not know, the value must be
/// beyond the limits of both sexes that it knows.
bool implausible_for(Measure measure, Sex sex, double age_months, double value) noexcept;

/// Assesses a measurement by CDC's reference.  For an age outside 24 ≤ age < 240 months, and for a sex other than male
/// and female, the only thing that can be known is that a value is implausible for every sex.
Assessment assess(Sex sex, double age_months, const Measurement &measurement) noexcept;

}  // namespace wc::growth
