// All metrics at one moment as plain values, for destinations that take no text.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace wc::metrics {

struct Sample {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;  ///< the value of a counter or gauge; a histogram has the members below
    /// `bounds` rise.  below[i] counts the values in (bounds[i - 1], bounds[i]]; its last element counts those above
    /// all bounds.
    std::uint64_t count = 0;
    double sum = 0;
    std::vector<double> bounds;
    std::vector<std::uint64_t> below;
};

struct Family {
    enum class Kind { Counter, Gauge, Histogram };
    std::string name, help;
    Kind kind = Kind::Gauge;
    bool since_start = true;  ///< counts from the start of this process; otherwise another server counts
    std::vector<Sample> samples;
};

}  // namespace wc::metrics
