// Asks the masters of a Redis Cluster what one Redis is asked.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "redis/cluster_watch.hpp"
#include "redis/observer.hpp"

namespace wc::redis {

class ClusterObserver : public app::CacheObserver {
public:
    /// `watch` outlives this.
    ClusterObserver(const Target &target, const ClusterWatch &watch) : target_(target), watch_(watch) {}

    /// The sums of those that answer.
    app::CacheView look() override;

private:
    Target target_;
    const ClusterWatch &watch_;
    std::map<std::string, std::unique_ptr<Observer>> observers_;  // by `host:port`
};

}  // namespace wc::redis
