// What a node of a Redis Cluster says of the cluster: the answer to CLUSTER NODES.
//
// CLUSTER SHARDS tells the same and lacks two things: which slots are on their way from or to this node, and how new
// each master's claim to its slots is.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "redis/address.hpp"
#include "redis/slot_set.hpp"

namespace wc::redis {

struct ClusterNode {
    std::string id;
    Endpoint endpoint;  ///< the host is empty where a node does not know its own address
    bool is_myself = false;
    bool is_master = false;
    bool is_usable = false;  ///< has an address, has been met, and no majority calls it failed
    long long epoch = 0;     ///< of its configuration: of two masters that claim a slot the larger one has it
    SlotSet slots;           ///< those that it serves
    SlotSet open;            ///< of the node that answers: those on their way from it or to it
};

/// Parses the answer.  `by_name`: prefers host names to addresses, as certificates do.  Throws ReplyError for a text
/// that is none, for too many nodes, and if the node that answers is not among them.
std::vector<ClusterNode> parse_cluster_nodes(std::string_view text, bool by_name);

/// The node that answered.
const ClusterNode &myself(const std::vector<ClusterNode> &nodes);

}  // namespace wc::redis
