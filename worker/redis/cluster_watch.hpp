// Asks the nodes of a Redis Cluster again and again who serves which slots.
#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "redis/cluster_nodes.hpp"
#include "redis/connection.hpp"

namespace wc::redis {

/// A master that answered for itself a moment ago.
struct ClusterMaster {
    std::string id;
    Endpoint endpoint;
    long long epoch = 0;
    SlotSet slots;

    bool operator==(const ClusterMaster &) const = default;
};

/// How to connect to a node of the cluster that the target means.
Target node_of(const Target &cluster, const Endpoint &endpoint);

/// Has a thread of its own, so that a node that hangs delays nobody.
class ClusterWatch {
public:
    /// REQUIRES: the target names nodes of a cluster.
    explicit ClusterWatch(const Target &target);
    ~ClusterWatch();
    ClusterWatch(const ClusterWatch &) = delete;
    ClusterWatch &operator=(const ClusterWatch &) = delete;

    // All of these are thread-safe.

    /// Returns the masters that served slots and answered at the last look.
    std::vector<ClusterMaster> masters() const;
    /// Like masters(), but waits for the next look if there are none yet.  Throws IoError that says why there are none.
    std::vector<ClusterMaster> wait_for_masters() const;
    /// Names the cluster: the same text for every worker, as long as the cluster's oldest node is there.  Empty if not
    /// known yet.
    std::string name() const;
    /// Makes the thread look now.
    void poke();
    /// Becomes readable when a look finds other masters than the look before; `take_news` ends that.
    int fd() const noexcept { return news_; }
    bool take_news();
    /// Returns how often the thread has looked.
    int looks() const;

private:
    using Views = std::map<std::string, std::vector<ClusterNode>>;

    void run();
    void look();
    bool ask(const Endpoint &endpoint, Views &views, std::string &why);
    void ask_all(std::vector<Endpoint> endpoints, Views &views, std::string &why);

    Target target_;
    std::map<std::string, Connection> connections_;  // by `host:port`
    std::vector<Endpoint> known_;                    // masters of the last look, then all other nodes
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    bool stopping_ = false, poked_ = false;
    int looks_ = 0;
    std::vector<ClusterMaster> masters_;
    std::string name_, why_;
    int news_;
    std::thread thread_;
};

}  // namespace wc::redis
