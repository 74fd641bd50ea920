// Port: a Redis Cluster, whose shards are each trusted, lost and found by themselves.
#pragma once
#include <cstddef>
#include <string>

#include "process/clock.hpp"

namespace wc::app {

class Queue;

/// What a look at the shards found.
struct ShardsSight {
    bool is_open = false;  ///< every shard that answers stores values
    bool evicts = false;   ///< some may evict fences
    /// The process that got the slot of the stream of events, and may lack the newest ones.  It is trusted with that
    /// slot after `told`.  Empty: there is none.
    std::string untold{};
};

/// The part of `Cache` that only a cluster has.
class Shards {
public:
    virtual ~Shards() = default;

    /// This worker drains from now on.  Forgets what it knew: another one may have drained meanwhile.
    virtual void begin() = 0;
    /// Follows the cluster: connects to new masters, drops those that are gone, opens epochs, removes the values in
    /// slots that a shard is not trusted with yet, a slice at a time, and then lets readers find values there.  Notes
    /// in the database which process is trusted with which slots, before it relies on that.  `set_aside`: how many
    /// students are set aside.
    virtual ShardsSight tend(Queue &queue, std::size_t set_aside) = 0;
    /// The stream of this process has an event that says that any student may have changed.
    virtual void told(const std::string &process) = 0;
    /// When `tend` must be called again at the latest.
    virtual Time due() const = 0;
    /// Whether, since the last call, changes that were refused as `Rejection::is_away` may have become possible.
    virtual bool take_returned() = 0;
    /// Describes why some shard is away; empty if none is.
    virtual std::string trouble() const = 0;
};

}  // namespace wc::app
