// A student's growth as JSON.
#pragma once
#include "core/json/buffer.hpp"
#include "extension/measurements.hpp"

namespace wc {

/// The points, oldest first: records whose vital has a height or a weight.  With a child, where each point stands in
/// CDC's reference is said too.
void write_growth_points(json::Buffer &out, const BoundTable &records, const SPITupleTable *rows, const Child *child);

/// The chart as the cache keeps it; false for an unknown student.  Between SPI_connect and SPI_finish.
bool write_growth_chart(json::Buffer &out, Datum student_id);

}  // namespace wc
