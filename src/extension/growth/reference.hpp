// Finds the growth reference that a call names: CDC's, or one that a DBA has loaded into white_cross.growth_reference.
#pragma once
#include "core/growth/reference.hpp"
#include "extension/server/prelude.hpp"

namespace wc {

/// The points of one measure and sex.
struct GrowthSeries {
    const growth::Point *points;
    std::size_t count;
};

class GrowthReference {
public:
    bool is_cdc() const { return is_cdc_; }
    /// Returns an empty series for a sex that the reference does not have.
    const GrowthSeries &series(growth::Measure measure, growth::Sex sex) const;
    /// Returns false outside of the reference's ages, and for a sex that it does not have.
    bool find(growth::Measure measure, growth::Sex sex, double age_months, growth::Norm &norm) const;
    /// Errors: 22023 if the reference does not have the measure.
    void check_has(growth::Measure measure) const;

private:
    friend class KeptReference;
    bool is_cdc_ = false;
    const char *name_ = nullptr;
    GrowthSeries series_[3][2] = {};
};

/// Returns the reference of this name as the query's snapshot sees it, cached for the calls of one query.  The caller
/// needs no privilege on the table.  Errors: 22023 for an unknown name, with the known ones.
const GrowthReference &growth_reference(FunctionCallInfo fcinfo, Datum name);

}  // namespace wc
