// Port: what a prewarming thread needs of the database.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "app/cache.hpp"

namespace wc::app {

/// A student and how often it was found in the cache lately.
struct Hot {
    std::string student;
    double weight = 0;
};

/// Every call may throw Failure; then only the destructor may follow.  For one thread.
class Builder {
public:
    virtual ~Builder() = default;

    /// The health summaries, or growth charts, of these students.  Students that do not exist have none.
    virtual std::vector<Entry> build(std::span<const std::string> students, cache::Kind kind) = 0;
    /// Replaces the saved list.
    virtual void save_hot(std::span<const Hot> hot) = 0;
    virtual std::vector<Hot> load_hot() = 0;
};

}  // namespace wc::app
