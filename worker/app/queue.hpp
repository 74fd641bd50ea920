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
    /// Whether no other row was visible when this batch was taken.
    bool complete = true;
    /// The token of the snapshot with which a complete batch was taken: all changes that it sees are in this batch or
    /// were in an earlier one.
    std::string seen{};
    /// Whether the registration is gone: then changes are not queued any more, and nothing was taken.
    bool lapsed = false;
    /// The transactions of this batch that have a sampled trace, a few dozen at most.
    std::vector<Writer> writers{};
    /// The events of these changes for the stream, in the order in which their transactions came to their commits.
    /// Empty if nobody wants events.  Changes that were set aside have none, because they got theirs before.
    std::vector<Event> events{};
};

/// A change that the cache refuses.
struct SetAside {
    Change change;
    std::string reason;
};

/// How much waits in the queue.
struct Backlog {
    std::size_t rows = 0;  ///< an estimate if there are very many
    std::chrono::microseconds oldest{};
    std::string first{};  ///< names the first row that names students; empty: there is none
};

/// What a worker may wait for.
enum class Held {
    Registration,  ///< by transactions that might not have seen it
    Queue,         ///< by whoever locks the table
    Drain,         ///< by the worker that drains
};

/// A Redis that another worker of the database keeps fresh, or would keep fresh if it drained.
struct OtherRedis {
    std::string worker;
    std::string address;
};

/// The report about itself that a worker writes into the database; wc_diagnose reads it.
struct Report {
    bool draining = false;
    std::chrono::seconds next{};   ///< when it means to report again
    std::optional<Reads> reads{};  ///< nothing while Redis cannot be reached
    Standing standing{};
    Backlog backlog{};
    std::string redis_address{}, redis_run_id{};  ///< empty while it cannot be reached
};

/// What the database knows of a process of Redis that is to be served.
struct Served {
    /// Another one was served until now, or this one was not for a while; work that removes everything is noted.
    bool is_other = false;
    /// For how long nobody can be answered by another one that was served before.
    std::chrono::milliseconds since{};
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

    /// Returns true if this worker drains now, until `release` or the end of the connection.
    virtual bool try_elect() = 0;
    virtual void release() = 0;
    /// Registers this worker, so that the database queues changes for it.  REQUIRES: try_elect has returned true.
    /// Returns true if the registration is new.  Changes before it were not queued, so all cached values may be stale.
    /// Therefore the registration commits together with a row for every student, which a crash does not lose.
    /// Returns nothing if writers are in the way: the caller tries again shortly.
    virtual std::optional<bool> register_worker() = 0;

    /// Takes the next changes, of about `max_students` students, in a transaction that `commit` or `give_back` ends.  A
    /// batch without rows needs neither.
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
    /// Takes the changes that any worker has set aside, as a batch of its own.
    virtual Batch take_set_aside() = 0;
    /// Deletes rows for every student after their sweep.
    virtual void forget(std::span<const Everything> rows) = 0;
    virtual Backlog backlog() = 0;

    /// Names the present life of the database server, in which no commit is lost.  It is another one after a crash, a
    /// restart or a promotion.
    virtual std::string identity() = 0;
    /// The fingerprints of the secrets that make keys, with commas between, that of new keys first.  Empty: keys have
    /// ids as they are.  Throws a Failure of the cache if the database cannot make any.
    virtual std::string key_fingerprints() = 0;
    /// Returns the token of a snapshot taken now.
    virtual std::string snapshot() = 0;
    /// Returns what an event of every student says that no row of the queue has caused: the id of the next transaction,
    /// and the time.
    virtual Everything everything_by_now() = 0;
    /// Returns by how much the server's clock is ahead of this process's steady clock; nothing if the answer took too
    /// long.
    virtual std::optional<std::chrono::microseconds> clock() = 0;
    /// Queues a row for every student, because cached values may show a state that was lost.
    virtual void distrust_cache() = 0;
    /// Notes that this worker serves this process of Redis.
    virtual Served serve(const std::string &process) = 0;
    /// Of several Redis: the rows that come from now on, for `life`, are kept for this one, and what was committed here
    /// need not be.  False: it must be served anew, as rows went without it.
    virtual bool vouch(std::chrono::milliseconds life)
    {
        static_cast<void>(life);
        return true;
    }

    /// Returns what `serve_shards` noted last.
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
    /// Describes who holds what this worker waits for; empty if nobody is found.
    virtual std::string holders(Held what) = 0;
    /// Finds another running worker that serves another Redis than this one.
    virtual std::optional<OtherRedis> other_redis(const std::string &address, const std::string &run_id) = 0;
    /// Replaces this worker's last report in the database.  Returns why the server refused, if it did and the
    /// connection still works: on a full disk the queue still shrinks.
    virtual std::optional<Failure> report(const Report &report) = 0;
};

}  // namespace wc::app
