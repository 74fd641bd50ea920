// Ports: the cache in Redis, as the draining thread sees it and as the prewarming threads see it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "app/change.hpp"
#include "app/clock.hpp"

namespace wc::app {

/// Kinds of cached values as bits: 1 << Kind.
using KindSet = std::uint8_t;
constexpr KindSet bit(cache::Kind kind) noexcept { return static_cast<KindSet>(1U << static_cast<unsigned>(kind)); }
inline constexpr cache::Kind kKinds[] = {cache::Kind::HealthSummary, cache::Kind::Records, cache::Kind::GrowthChart};

/// What a worker builds by itself; pages of records are left to those who turn them.
inline constexpr cache::Kind kPrewarmedKinds[] = {cache::Kind::HealthSummary, cache::Kind::GrowthChart};
inline constexpr KindSet kPrewarmed = bit(cache::Kind::HealthSummary) | bit(cache::Kind::GrowthChart);

/// What these changes make stale.
constexpr KindSet stale_kinds(cache::Sections changed) noexcept
{
    KindSet kinds = 0;
    for (auto const kind : kKinds)
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
    Open,       ///< of these servers, and in force
    Missing,    ///< Redis was emptied, or has lost the epoch: fences may be lost
    Foreign,    ///< of another start of Redis or of PostgreSQL: values may be of a state that is gone
    OtherLife,  ///< of these servers, but its fences live longer or shorter than they are to from now on
    Evicting,   ///< in force, but Redis may evict what it was given to remember: fences may be lost at any time
    Closed,     ///< none, and none can be opened, for that reason
};

/// Fences that may still stand, and the memory that they take in Redis at most.
struct Fences {
    std::size_t count = 0;
    std::size_t bytes = 0;
};

/// How often readers that use the library found a value, and how often none, since Redis took up the library.
struct Reads {
    std::int64_t hits = 0;
    std::int64_t misses = 0;
};

/// For the draining thread.  Every call may throw Failure; then only the destructor may follow.
class Cache {
public:
    virtual ~Cache() = default;

    /// Removes what each change makes stale and fences its students.  Returns, for each change, the kinds that
    /// existed.  On return Redis has acknowledged all of it.
    virtual std::vector<KindSet> invalidate(std::span<const Change> changes) = 0;
    /// From now on only values that contain these transactions may be stored, whoever's they are, and nothing that is
    /// cached is vouched for until the next `vouch`.
    virtual void fence_all(std::span<const Xid> xids) = 0;
    /// Removes cached values whose keys match `pattern` from `cursor` on, a bounded number.  Empty: all.
    virtual SweepStep sweep(const std::string &cursor, const std::string &pattern) = 0;
    /// `database` names this start of the database server; what Redis holds must be of it.
    virtual Epoch epoch(const std::string &database) = 0;
    /// Begins a new epoch, in two steps: what `take_snapshot` returns must have been taken after the call of it.
    /// False when fences may have been lost meanwhile: once more.
    virtual bool open_epoch(const std::string &database, const std::function<std::string()> &take_snapshot) = 0;
    /// Nothing can be stored from now on, and nothing is vouched for, until an epoch is opened.
    virtual void close_epoch() = 0;
    /// What is cached is not older than this worker's word of it; good until `end`, whenever it arrives, and for the
    /// epoch that was found or opened last.
    virtual void vouch(Time end) = 0;
    /// From now on only values that contain all that `snapshot` saw may be stored; from `end` on none, until the next
    /// call. Does nothing while fences live for another time than `life`.
    virtual void advance(const std::string &snapshot, Time end, std::chrono::milliseconds life) = 0;
    /// Tells Redis how far PostgreSQL's clock, `database` ahead of this process's, is ahead of its own.  False when the
    /// answer took too long to be of use.
    virtual bool set_clock(std::chrono::microseconds database) = 0;
    virtual Fences fences() = 0;
    virtual Reads reads() = 0;
    /// Becomes readable when the server goes away; `check` then tells.
    virtual int fd() const = 0;
    /// Throws if the server has closed the connection.  Costs no round trip otherwise.
    virtual void check() = 0;
    /// Throws if the server does not answer.
    virtual void ping() = 0;
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
    /// Those of the students that have no health summary in the cache.
    virtual std::vector<std::string> missing(std::span<const std::string> students) = 0;
};

}  // namespace wc::app
