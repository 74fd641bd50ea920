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
};

/// The part of `Cache` that one server does not have.
class Shards {
public:
    virtual ~Shards() = default;

    /// This worker drains from now on.  Forgets what it knew: another one may have drained meanwhile.
    virtual void begin() = 0;
    /// Follows the cluster: takes up masters that came, drops those that went, opens epochs, removes what is cached in
    /// slots that a shard has not been trusted with, a slice at a time, and then covers them.  Notes in the database
    /// which process is trusted with which slots, before it relies on that.  `set_aside`: how many students are.
    virtual ShardsSight tend(Queue &queue, std::size_t set_aside) = 0;
    /// When it wants to be called again at the latest.
    virtual Time due() const = 0;
    /// Whether, since the last call, changes that were refused as `Rejection::is_away` may have become possible.
    virtual bool take_returned() = 0;
    /// Why some shard is away, in words; empty: none is.
    virtual std::string trouble() const = 0;
};

}  // namespace wc::app
