// Writes a student's growth as JSON.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/vitals/measurements.hpp"

namespace wc {

/// Writes a student's points, oldest first: the records whose vital has a height or a weight; of several of one moment
/// the last one.
class GrowthPoints {
public:
    /// With a child, adds each point's z-scores and percentiles by CDC's reference.
    GrowthPoints(json::Buffer &out, const BoundTable &records, const Child *child)
        : out_(out), records_(records), child_(child)
    {}

    void begin();

    /// Takes a measurement; they come oldest first.
    void add(const MeasuredAt &measured);

    void finish() { out_.append(']'); }

private:
    json::Buffer &out_;
    const BoundTable &records_;
    const Child *child_;
    std::size_t begin_ = 0;  // where the list begins, and where the last point
    std::size_t last_ = 0;
    Datum date_ = 0;  // of the last point
};

/// Writes the chart as the cache stores it.  Returns false for an unknown student.  REQUIRES: SPI is connected.
bool write_growth_chart(json::Buffer &out, Datum student_id);

}  // namespace wc
