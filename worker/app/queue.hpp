// Port: the queue in PostgreSQL, its wake-up calls, and the election of the one worker that drains it.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/cache.hpp"
#include "app/change.hpp"

namespace wc::app {

/// What one `take` found.
struct Batch {
    std::vector<Change> changes;
    /// Rows for every student.  They stay in the queue until `forget`: the work they stand for takes longer
    /// than a transaction should.
    std::vector<Everything> everything;
    /// Rows that `commit` deletes.
    std::size_t rows = 0;
    /// Nothing else was visible when this batch was taken.
    bool complete = true;
    /// Nothing was taken: the registration is gone, changes are not queued any more.
    bool lapsed = false;
};

/// How much waits.
struct Backlog {
    std::size_t rows = 0;
    std::chrono::microseconds oldest{};
};

/// What a worker says of itself, for whoever looks into the database.
struct Report {
    bool draining = false;
    std::chrono::seconds next{};  ///< when it means to report again
    std::optional<Reads> reads;   ///< nothing while Redis cannot be reached
    bool evicts = false;          ///< Redis may evict fences
};

/// One connection's life.  Every call may throw Failure; then only the destructor may follow.  For one thread.
class Queue {
public:
    virtual ~Queue() = default;

    /// True: this worker drains, until `release` or the end of the connection.
    virtual bool try_lead() = 0;
    virtual void release() = 0;
    /// True: changes before this moment were not queued, so that all that is cached may be stale.  A row for every
    /// student is in the queue then, committed with the registration, so that a crash does not forget it.
    /// Nothing: writers are in the way; try again shortly.
    virtual std::optional<bool> enroll() = 0;

    /// The next changes, about `max_students` of them, in a transaction that `commit` or `give_back` ends.  A batch
    /// without rows needs neither.
    virtual Batch take(std::size_t max_students) = 0;
    virtual void commit() = 0;
    virtual void give_back() = 0;
    /// Deletes rows for every student, now that they are done.
    virtual void forget(std::span<const Everything> rows) = 0;
    virtual Backlog backlog() = 0;

    /// Names the life of the database server in which nothing that was committed is lost: another after a crash, a
    /// restart and a promotion.
    virtual std::string identity() = 0;
    /// The token of what is visible now.
    virtual std::string snapshot() = 0;
    /// By how much the server's clock is ahead of this process's steady one.  Nothing when the answer took too long.
    virtual std::optional<std::chrono::microseconds> clock() = 0;
    /// Queues every student: what is cached may be of a state that is gone.
    virtual void distrust() = 0;

    /// Readable when something may have been queued.
    virtual int wake_fd() const = 0;
    /// Reads what has arrived at wake_fd.  True if somebody queued something.
    virtual bool consume_wakes() = 0;
    /// Sends a wake-up to this worker itself; the next heartbeat throws if it never arrived.
    virtual void heartbeat() = 0;
    /// Leaves word in the database, in the place of the last one.
    virtual void report(const Report &report) = 0;
};

}  // namespace wc::app
