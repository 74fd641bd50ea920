// Finds the calls that have failed in the database since the last look.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace wc::destinations {

struct FailedCalls {
    std::string function;
    std::string error_class;  ///< the first two characters of the SQLSTATE
    std::int64_t count = 0;
};

/// For one thread.
class FailedCallCounts {
public:
    /// `json` is the array of functions that the database gives.  Returns what is new since the call before; of the
    /// first one nothing, since nobody knows since when these count.
    std::vector<FailedCalls> add(const std::string &json);

private:
    std::map<std::pair<std::string, std::string>, std::int64_t> before_;
    bool is_first_ = true;
};

}  // namespace wc::destinations
