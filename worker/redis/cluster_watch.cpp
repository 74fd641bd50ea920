#include "redis/cluster_watch.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "process/log.hpp"
#include "redis/error.hpp"

namespace wc::redis {
namespace {

constexpr std::chrono::milliseconds kInterval{500};

// Nodes answer from memory, within a millisecond.
constexpr std::chrono::milliseconds kPatience{1000};

// How long a caller waits for the first looks.
constexpr std::chrono::seconds kFirstLook{5};

}  // namespace

Target node_of(const Target &cluster, const Endpoint &endpoint)
{
    Target target = cluster;
    static_cast<Endpoint &>(target.address) = endpoint;
    target.address.nodes.clear();
    target.timeout = std::min(cluster.timeout, kPatience);
    return target;
}

ClusterWatch::ClusterWatch(const Target &target)
    : target_(target),
      known_(target.address.nodes),
      news_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_(log::thread([this] { run(); }))
{}

ClusterWatch::~ClusterWatch()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    close(news_);
}

std::vector<ClusterMaster> ClusterWatch::masters() const
{
    std::lock_guard const lock(mutex_);
    return masters_;
}

std::vector<ClusterMaster> ClusterWatch::wait_for_masters() const
{
    std::unique_lock lock(mutex_);
    auto const looks = looks_;
    changed_.wait_for(lock, kFirstLook, [&] { return stopping_ || !masters_.empty() || looks_ > looks; });
    if (masters_.empty())
        throw IoError(why_.empty() ? "no node of the cluster answers" : why_);
    return masters_;
}

std::string ClusterWatch::name() const
{
    std::lock_guard const lock(mutex_);
    return name_;
}

void ClusterWatch::poke()
{
    std::lock_guard const lock(mutex_);
    poked_ = true;
    changed_.notify_all();
}

bool ClusterWatch::take_news()
{
    eventfd_t count = 0;
    return eventfd_read(news_, &count) == 0;
}

int ClusterWatch::looks() const
{
    std::lock_guard const lock(mutex_);
    return looks_;
}

void ClusterWatch::run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        poked_ = false;
        lock.unlock();
        look();
        lock.lock();
        changed_.wait_for(lock, kInterval, [this] { return stopping_ || poked_; });
    }
}

void ClusterWatch::look()
{
    Views views;
    std::string why;
    ask_all(known_, views, why);
    // All of them may have got other addresses.
    if (views.empty())
        ask_all(target_.address.nodes, views, why);
    std::vector<ClusterMaster> masters;
    std::vector<Endpoint> first, then;
    std::string name;
    for (auto const &[asked, nodes] : views) {
        for (auto const &node : nodes) {
            auto &list = node.is_master && node.slots.any() ? first : then;
            auto const endpoint = node.is_myself ? connections_.at(asked).address() : node.endpoint;
            if (node.is_usable && !endpoint.host.empty() && std::find(list.begin(), list.end(), endpoint) == list.end())
                list.push_back(endpoint);
            if (name.empty() || node.id < name)
                name = node.id;
        }
        auto const &own = myself(nodes);
        bool const is_known = std::any_of(masters.begin(), masters.end(), [&](auto &one) { return one.id == own.id; });
        if (own.is_master && own.slots.any() && !is_known)
            masters.push_back({own.id, connections_.at(asked).address(), own.epoch, own.slots});
    }
    if (!first.empty()) {
        known_ = std::move(first);
        known_.insert(known_.end(), then.begin(), then.end());
    }
    std::lock_guard const lock(mutex_);
    if (masters != masters_)
        eventfd_write(news_, 1);
    masters_ = std::move(masters);
    if (!name.empty())
        name_ = std::move(name);
    why_ = why.empty() && masters_.empty() ? "no node of the cluster has slots" : why;
    ++looks_;
    changed_.notify_all();
}

// Also asks the masters that the answers name.
void ClusterWatch::ask_all(std::vector<Endpoint> endpoints, Views &views, std::string &why)
{
    for (std::size_t at = 0; at < endpoints.size(); ++at) {
        auto const named = describe(endpoints[at]);
        if (views.contains(named) || !ask(endpoints[at], views, why))
            continue;
        for (auto const &node : views.at(named))
            if (node.is_master && node.is_usable && !node.is_myself && !node.endpoint.host.empty() &&
                std::find(endpoints.begin(), endpoints.end(), node.endpoint) == endpoints.end())
                endpoints.push_back(node.endpoint);
    }
}

bool ClusterWatch::ask(const Endpoint &endpoint, Views &views, std::string &why)
{
    auto const named = describe(endpoint);
    try {
        auto found = connections_.find(named);
        // Nothing is due: the node has closed it, as when it was started anew.
        if (found != connections_.end() && found->second.is_readable())
            found = (connections_.erase(found), connections_.end());
        if (found == connections_.end())
            found = connections_.try_emplace(named, node_of(target_, endpoint)).first;
        auto const answer = found->second.run({"CLUSTER", "NODES"});
        views[named] = parse_cluster_nodes(answer.text(), target_.address.tls);
        return true;
    } catch (const Error &error) {
        connections_.erase(named);
        why += (why.empty() ? "" : "; ") + named + ": " + error.what();
        if (std::string_view(error.what()).find("cluster support disabled") != std::string_view::npos)
            why += " (it is no node of a cluster: redis.url begins with redis://)";
        log::debug("{}: {}", named, error.what());
        return false;
    }
}

}  // namespace wc::redis
