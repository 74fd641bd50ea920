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
#include "app/event.hpp"
#include "app/writer.hpp"
#include "process/failure.hpp"
#include "process/state.hpp"

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
    /// Of a complete batch, the token of the snapshot that it was taken with: all that it sees is in this batch or was
    /// in one before.
    std::string seen{};
    /// Nothing was taken: the registration is gone, changes are not queued any more.
    bool lapsed = false;
    /// Those of the transactions whose changes are in this batch that have a sampled trace, a few dozen at most.
    std::vector<Writer> writers{};
    /// What the stream is to be told of these changes, in the order in which their transactions came to their commits.
    /// Empty if nobody wants events, and of what was set aside: that was told before.
    std::vector<Event> events{};
};

/// A change that the cache refuses.
struct SetAside {
    Change change;
    std::string reason;
};

/// How much waits.
struct Backlog {
    std::size_t rows = 0;  ///< estimated where they are very many
    std::chrono::microseconds oldest{};
    std::string first{};  ///< names the first row that names students; empty: there is none
};

/// What a worker may wait for.
enum class Held {
    Registration,  ///< by transactions that might not have seen it
    Queue,         ///< by whoever locks the table
    Drain,         ///< by the worker that drains
};

/// A Redis that another worker of the database keeps fresh, or means to.
struct OtherRedis {
    std::string worker;
    std::string address;
};

/// What a worker says of itself, for whoever looks into the database.
struct Report {
    bool draining = false;
    std::chrono::seconds next{};   ///< when it means to report again
    std::optional<Reads> reads{};  ///< nothing while Redis cannot be reached
    Standing standing{};
    Backlog backlog{};
    std::string redis_address{}, redis_run_id{};  ///< empty while it cannot be reached
};

/// A process of Redis in a cluster, and the slots that it is trusted with, as `FIRST-LAST,SLOT,...`.
struct ServedShard {
    std::string process;
    std::string slots;

    bool operator==(const ServedShard &) const = default;
};

/// One connection's life.  For one thread.  REQUIRES: after a call that threw Failure only the destructor follows.
class Queue {
public:
    virtual ~Queue() = default;

    /// True: this worker drains, until `release` or the end of the connection.
    virtual bool try_elect() = 0;
    virtual void release() = 0;
    /// Registers this worker, so that the database queues changes for it.  REQUIRES: try_elect has returned true.
    /// True: the registration is new.  Changes before it were not queued, so that all that is cached may be stale; the
    /// registration commits together with a row for every student, so that a crash does not forget it.
    /// Nothing: writers are in the way; the caller tries again shortly.
    virtual std::optional<bool> register_worker() = 0;

    /// The next changes, about `max_students` of them, in a transaction that `commit` or `give_back` ends.  A batch
    /// without rows needs neither.
    virtual Batch take(std::size_t max_students) = 0;
    /// REQUIRES of these three: a batch with rows was taken and not yet ended.
    virtual void commit() = 0;
    virtual void give_back() = 0;
    /// Ends the transaction and leaves the rows in the queue, like `give_back`.  But the next `take` goes on behind
    /// them, until `rewind`.
    virtual void keep() = 0;
    /// The next `take` begins with the first row that is in the queue.
    virtual void rewind() = 0;
    /// Remembers what `take_set_aside` gives back later: in the transaction of the batch, or at once after `keep`.
    virtual void set_aside(std::span<const SetAside> changes) = 0;
    /// What was set aside, by whichever worker, as a batch of its own.
    virtual Batch take_set_aside() = 0;
    /// Deletes rows for every student, now that they are done.
    virtual void forget(std::span<const Everything> rows) = 0;
    virtual Backlog backlog() = 0;

    /// Names the life of the database server in which nothing that was committed is lost: another after a crash, a
    /// restart and a promotion.
    virtual std::string identity() = 0;
    /// The fingerprints of the secrets that make keys, with commas between, that of new keys first.  Empty: keys have
    /// ids as they are.  Throws a Failure of the cache if the database cannot make any.
    virtual std::string key_fingerprints() = 0;
    /// The token of what is visible now.
    virtual std::string snapshot() = 0;
    /// By how much the server's clock is ahead of this process's steady one.  Nothing when the answer took too long.
    virtual std::optional<std::chrono::microseconds> clock() = 0;
    /// Queues a row for every student, because what is cached may be of a state that is gone.
    virtual void distrust_cache() = 0;
    /// Notes that this worker serves this process of Redis.  Returns for how long it has been the one; zero if it was
    /// another one until now: then a row for every student is queued too.
    virtual std::chrono::milliseconds serve(const std::string &process) = 0;

    /// What `serve_shards` noted last.
    virtual std::vector<ServedShard> served_shards() = 0;
    /// Notes which processes of a cluster are trusted with which slots; nobody else is trusted with anything.  Returns
    /// a number that grows with each call.
    virtual std::string serve_shards(std::span<const ServedShard> shards) = 0;
    /// Whether applications get keys with the id in braces, unless they say otherwise.
    virtual bool has_cluster_keys() = 0;

    /// Readable when something may have been queued.
    virtual int wake_fd() const = 0;
    /// Reads what has arrived at wake_fd.  True if somebody queued something.
    virtual bool consume_wakes() = 0;
    /// Sends a wake-up to this worker itself; the next heartbeat throws if it never arrived.
    virtual void heartbeat() = 0;
    /// Who holds what this worker waits for, in words.  Empty: nobody that is seen.
    virtual std::string holders(Held what) = 0;
    /// Another running worker that serves another Redis than this one.
    virtual std::optional<OtherRedis> other_redis(const std::string &address, const std::string &run_id) = 0;
    /// Replaces this worker's last report in the database.  Returns why the server refused, if it did and the
    /// connection still works: on a full disk the queue still shrinks.
    virtual std::optional<Failure> report(const Report &report) = 0;
};

}  // namespace wc::app
