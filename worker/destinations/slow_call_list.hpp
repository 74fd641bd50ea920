// Finds the slow calls that are new since the last look.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace wc::destinations {

/// For one thread.
class SlowCallList {
public:
    /// `json` is the array that the database gives, the latest first.  Returns the calls that no earlier list
    /// had, the oldest first, as JSON.  Returns none of the first list, because they may have been reported before.
    std::vector<std::string> add(const std::string &json);

private:
    std::optional<std::vector<std::string>> before_;
};

}  // namespace wc::destinations
