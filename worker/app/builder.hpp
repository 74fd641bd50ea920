// Port: what the threads that rebuild or compare values need from the database.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "app/cache.hpp"

namespace wc::app {

/// A student and its weight on the hot list: how often its values were found in the cache lately.
struct Hot {
    std::string student;
    double weight = 0;
};

/// For one thread, but for cancel().  Every call may throw Failure.  REQUIRES: after a call that threw, only the
/// destructor follows.
class Builder {
public:
    virtual ~Builder() = default;

    /// Builds the health summaries, or the growth charts, of these students.  Leaves out students that do not exist.
    virtual std::vector<Entry> build(std::span<const std::string> students, cache::Kind kind) = 0;
    /// Replaces the hot list that is saved in the database.
    virtual void save_hot(std::span<const Hot> hot) = 0;
    /// Returns the hot list that is saved in the database.
    virtual std::vector<Hot> load_hot() = 0;
    /// Returns the ids of at most `most` students that come after this id in some order that stays the same; of the
    /// first ones if it is empty.
    virtual std::vector<std::string> students_after(const std::string &student, int most) = 0;
    /// Returns the token of a snapshot taken now.
    virtual std::string snapshot() = 0;
    /// Commits a transaction that changes nothing, and returns its id: whoever sees it sees all that was visible
    /// before.
    virtual Xid commit_transaction() = 0;
    /// Cancels the call that another thread is making: it soon throws Failure.  Does nothing if there is none.
    /// Thread-safe.
    virtual void cancel() noexcept = 0;
};

}  // namespace wc::app
