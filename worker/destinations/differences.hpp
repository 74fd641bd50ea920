// What metrics have counted since the look before, for destinations that add up by themselves.
#pragma once
#include <map>
#include <string>

#include "metrics/family.hpp"

namespace wc::destinations {

/// For one thread.
class Differences {
public:
    /// Makes of a count or histogram what came since the call before.  False: another server counts, and it is not
    /// known since when, so there is nothing to say yet.
    bool take(const metrics::Family &family, metrics::Sample &sample);

private:
    std::map<std::string, metrics::Sample> before_;
};

}  // namespace wc::destinations
