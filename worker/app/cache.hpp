// Ports: the cache in Redis, as the draining thread sees it and as the prewarming threads see it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "app/change.hpp"
#include "app/event.hpp"
#include "process/clock.hpp"

namespace wc::app {

class Shards;

/// Kinds of cached values as bits: 1 << Kind.
using KindSet = std::uint8_t;
constexpr KindSet bit(cache::Kind kind) noexcept { return static_cast<KindSet>(1U << static_cast<unsigned>(kind)); }

/// The kinds that a worker prewarms.  It leaves pages of records to the readers who ask for them.
inline constexpr cache::Kind kPrewarmedKinds[] = {cache::Kind::HealthSummary, cache::Kind::GrowthChart};
inline constexpr KindSet kPrewarmed = bit(cache::Kind::HealthSummary) | bit(cache::Kind::GrowthChart);

/// Returns the kinds that a change of these sections makes stale.
constexpr KindSet stale_kinds(cache::Sections changed) noexcept
{
    KindSet kinds = 0;
    for (auto const kind : cache::kKinds)
        if (cache::is_stale(kind, changed))
            kinds |= bit(kind);
    return kinds;
}

/// One bounded step through the keyspace.
struct SweepStep {
    std::string cursor = "0";  ///< where the next step begins; "0": the sweep is over
    std::size_t seen = 0;
    std::size_t removed = 0;
    std::vector<std::string> summaries;  ///< students whose health summary was removed: they were in use
};

/// Whether what Redis holds, fences and values, can be trusted.
enum class Epoch {
    Open,       ///< belongs to these servers and is in force
    Missing,    ///< Redis was emptied, or has lost the epoch: fences may be lost
    Foreign,    ///< belongs to another start of Redis or PostgreSQL: values may show a state that was lost
    MoreKeys,   ///< belongs to these servers, but from now on changes remove keys of one more secret
    OtherLife,  ///< belongs to these servers, but the setting for how long fences live has changed
    Evicting,   ///< is in force, but Redis may evict keys: fences may be lost at any time
    Closed,     ///< there is none, and for this reason none can be opened
};

/// Fences that may still stand, and the memory that they take in Redis at most.
struct Fences {
    std::size_t count = 0;
    std::size_t bytes = 0;
};

/// A change that the cache refuses although it accepts other changes.
struct Rejection {
    std::size_t change = 0;  ///< index into the changes that were to be invalidated
    std::string reason;      ///< for the log, so without health data
    bool is_away = false;    ///< no fault of the change: the shard that has the student cannot be reached
};

/// What an invalidation found.
struct Invalidated {
    std::vector<KindSet> existed;  ///< for each change, the kinds that were cached
    /// How many keys with names of ours had another type or an unreadable value, and were removed.
    std::size_t misfits = 0;
    /// Redis has noted `seen`: readers with a token of wc_write_token that this snapshot covers now find values.
    bool has_noted_seen = false;
    std::vector<Rejection> rejected;  ///< their values may still be cached, but Redis stores no older ones any more
};

/// How often readers that use the library found a value or found none, since the library was loaded into Redis.
struct Reads {
    std::int64_t hits = 0;
    std::int64_t misses = 0;
};

/// For the draining thread.  REQUIRES: after a call that threw Failure only the destructor follows.
class Cache {
public:
    virtual ~Cache() = default;

    /// Removes what each change makes stale and fences its students.  On return Redis has acknowledged all changes but
    /// those in `rejected`.  Throws if Redis accepts no changes at all.
    ///
    /// `seen` is empty, or the token of a snapshot: with these changes all that it sees has been removed.  Redis notes
    /// it if that costs no further call.
    virtual Invalidated invalidate(std::span<const Change> changes, const std::string &seen) = 0;
    /// Appends to the stream of events, in this order.  Returns why Redis does not take them, without health data;
    /// empty: it has acknowledged all.  Of those that it did not take, an earlier one is never behind a later one.
    virtual std::string append_events(std::span<const Event> events) = 0;
    /// From now on Redis stores only values that contain these transactions, of whichever student, and wc_get finds
    /// nothing until the next `renew_liveness`.
    virtual void fence_all(std::span<const Xid> xids) = 0;
    /// Removes a bounded number of cached values, from `cursor` on: those whose keys match `pattern`.  An empty pattern
    /// means all.
    virtual SweepStep sweep(const std::string &cursor, const std::string &pattern) = 0;
    /// Throws Failure unless the keys that the database makes, by secrets with these fingerprints (empty: with ids as
    /// they are), are among those that this connection removes; and if its own secrets were replaced since it was made.
    virtual void check_keys(const std::string &database) = 0;
    /// Compares the epoch in Redis with this start of the database server, which `database` names.  Removes misfits
    /// under the names that all students share.
    virtual Epoch epoch(const std::string &database) = 0;
    /// Begins a new epoch, in two steps.  Returns false if fences may have been lost meanwhile: the caller tries again.
    /// REQUIRES: `take_snapshot` takes the snapshot that it returns after it was called.
    virtual bool open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot) = 0;
    /// From now on Redis stores nothing and wc_get finds nothing, until an epoch is opened.
    virtual void close_epoch() = 0;
    /// Lets wc_get find values until `end`, however late the call arrives, in the epoch that was found or opened last;
    /// of the students `except` it finds nothing.  REQUIRES: a drain that began `invalidate.alive_ttl_ms` before `end`
    /// has found the queue's end, with the snapshot `seen`.
    virtual void renew_liveness(Time end, const std::string &seen, std::span<const std::string> except) = 0;
    /// From now on only values that contain all that `snapshot` saw may be stored; from `end` on none, until the next
    /// call. Does nothing if `life` is not how long fences live in Redis.
    virtual void advance(const std::string &snapshot, Time end, std::chrono::milliseconds life) = 0;
    /// Tells Redis how far PostgreSQL's clock, `database` ahead of this process's, is ahead of its own.  Returns
    /// false if the answer took too long to be of use.
    virtual bool set_clock(std::chrono::microseconds database) = 0;
    /// Returns the id that Redis gave itself when it started.
    virtual std::string run_id() const = 0;
    /// Names the process of Redis and the history of its data, as of the last look at the epoch.  After a promotion, or
    /// once the data came from another process, it is another one: what was removed and fenced may be missing.
    virtual std::string process() const = 0;
    /// Returns the address of Redis for log lines and pages, without user and password.
    virtual std::string address() const = 0;
    /// Returns how many keys `epoch` and `fence_all` have removed as misfits since the last call
    /// (Invalidated::misfits).
    virtual std::size_t take_misfits() = 0;
    virtual Fences fences() = 0;
    virtual Reads reads() = 0;
    /// Becomes readable when the server goes away; `check` then tells.
    virtual int fd() const = 0;
    /// Throws if the server has closed the connection, or is no longer the one to serve.  Costs no round trip
    /// otherwise.
    virtual void check() = 0;
    /// Throws if the server does not answer.
    virtual void ping() = 0;
    /// Returns the shards of a cluster; null if Redis is one server.
    virtual Shards *shards() { return nullptr; }
};

/// A value as the database built it.
struct Entry {
    std::string student;
    std::string key;
    std::string value;
    int ttl_seconds = 0;
    std::string snapshot;  ///< empty: must not be cached
};

/// For a prewarming thread.
class Store {
public:
    virtual ~Store() = default;

    /// Stores each entry unless a fence refuses it.  Returns which were stored.
    virtual std::vector<bool> fill(std::span<const Entry> entries) = 0;
    /// Returns the students of this list that have no health summary in the cache.
    virtual std::vector<std::string> missing(std::span<const std::string> students) = 0;
};

}  // namespace wc::app
