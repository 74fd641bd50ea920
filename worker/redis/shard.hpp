// One master of a Redis Cluster, for the draining thread.
#pragma once
#include <span>
#include <string>

#include "redis/cache.hpp"
#include "redis/cluster_nodes.hpp"
#include "redis/slot_set.hpp"

namespace wc::redis {

/// Returns a tag for SharedNames whose slot is one of these, or an empty text if there is none.  It prefers a
/// tag in a late slot, because people who move slots begin with the first ones.
std::string tag_in(const SlotSet &slots);

class Shard : public Cache {
public:
    /// Connects and looks.  `slots`: some slots of the master.  REQUIRES: changes have the names of students that keys
    /// have, not their ids.  Throws Error.
    Shard(const Target &master, const config::Live &live, const KeyNames &keys, const SlotSet &slots);

    /// Asks the server for its process and for its claim to slots.
    void look();
    const Endpoint &endpoint() const { return connection_.address(); }
    /// What the node said about itself at the last look.
    const ClusterNode &claim() const { return claim_; }
    /// The slots that it serves and that are not moving.
    SlotSet here() const { return claim_.slots & ~claim_.open; }
    /// Whether the names that all students share are still in a slot of this node.
    bool has_tag() const { return here()[cache::slot_of(names_.alive)]; }
    /// Slots of which the node has refused a command since the last call: they were not, or not wholly, there.
    SlotSet take_doubted() { return std::exchange(doubted_, {}); }

    /// Lets readers of these slots find values while there is a liveness.  Throws IoError if Redis refuses: its epoch
    /// is of other servers, or another worker has covered its slots.
    void cover(const std::string &number, const SlotSet &slots);
    /// `cover`, `renew_liveness` and `look` in one flight.
    void renew(Time end, const std::string &seen, std::span<const std::string> except, const std::string &number,
               const SlotSet &slots);
    /// Like `Cache::advance`.  Returns false if Redis did not take it.
    bool try_advance(const std::string &snapshot, Time end, std::chrono::milliseconds life);
    using Cache::sweep;
    /// Like `Cache::sweep`, for keys of these slots alone.
    app::SweepStep sweep(const std::string &cursor, const SlotSet &slots);

private:
    void append_cover(const std::string &number, const SlotSet &slots);
    void read_cover();
    void append_look();
    ServerInfo read_look();

    bool by_name_;
    ClusterNode claim_;
};

}  // namespace wc::redis
