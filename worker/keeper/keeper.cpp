#include "keeper/keeper.hpp"

#include <algorithm>
#include <utility>

#include "pg/builder.hpp"
#include "pg/observer.hpp"
#include "pg/queue.hpp"
#include "pg/target_queue.hpp"
#include "process/log.hpp"
#include "redis/cache.hpp"
#include "redis/cluster.hpp"
#include "redis/cluster_observer.hpp"
#include "redis/cluster_sample.hpp"
#include "redis/cluster_store.hpp"
#include "redis/observer.hpp"
#include "redis/sample.hpp"
#include "redis/store.hpp"

namespace wc {
namespace {

// Keys that the audit examines in one step.  Smaller steps than those of a sweep: nobody waits for them.
constexpr std::int64_t kSampledKeys = 100;

template <class Watch>
std::unique_ptr<Watch> watch_if(bool is_wanted, const redis::Target &target)
{
    return is_wanted ? std::make_unique<Watch>(target) : nullptr;
}

}  // namespace

Keeper::Keeper(const Common &common, std::size_t at, const Told &told)
    : common_(common),
      at_(at),
      redis_(common.servers.redis[at]),
      told_(told),
      watch_(watch_if<redis::MasterWatch>(!redis_.target.address.sentinels.empty(), redis_.target)),
      cluster_(watch_if<redis::ClusterWatch>(!redis_.target.address.nodes.empty(), redis_.target)),
      prewarm_(common.live, common.clock, common.hot, told.metrics, common.spans),
      pool_(common.live, common.clock, prewarm_, told.metrics,
            [this] {
                auto const &servers = common_.servers;
                return app::PrewarmLinks{
                    std::make_unique<pg::Builder>(servers.postgres, servers.timeouts, servers.cluster_keys),
                    make_store()};
            }),
      events_(has_events(), told.metrics),
      drain_(common.live, common.clock, common.hot, told.metrics, common.spans, events_,
             [this](auto wanted) { pool_.want(std::move(wanted)); }),
      sweep_(common.clock, common.hot, told.metrics, events_)
{}

std::unique_ptr<app::Queue> Keeper::connect_queue() const
{
    auto timeouts = common_.servers.timeouts;
    auto const queue = common_.live.get()->queue;
    // A worker that polls rarely must not count as hung between two polls.
    timeouts.hung = std::chrono::milliseconds(std::max(queue.hung_after_ms, 3 * queue.poll_interval_ms));
    auto const &name = common_.config.worker.name;
    if (is_one_of_several())
        return std::make_unique<pg::TargetQueue>(common_.servers.postgres, timeouts, name, has_events(),
                                                 pg::TargetName{redis_.name, has_events(), is_first()});
    return std::make_unique<pg::Queue>(common_.servers.postgres, timeouts, name, has_events());
}

std::unique_ptr<app::Cache> Keeper::connect_cache()
{
    if (cluster_)
        return std::make_unique<redis::Cluster>(redis_.target, common_.live, *cluster_);
    return std::make_unique<redis::Cache>(redis_.target, common_.live, keys(), watch_.get());
}

std::unique_ptr<app::Store> Keeper::make_store() const
{
    if (cluster_)
        return std::make_unique<redis::ClusterStore>(redis_.target, keys(), *cluster_);
    return std::make_unique<redis::Store>(redis_.target, keys(), watch_.get());
}

std::unique_ptr<app::CacheSample> Keeper::make_sample(const redis::Target &target, std::int64_t scan_count) const
{
    if (cluster_)
        return std::make_unique<redis::ClusterSample>(target, keys(), scan_count, *cluster_);
    return std::make_unique<redis::Sample>(target, keys(), scan_count, watch_.get());
}

app::LoopPorts Keeper::ports()
{
    app::LoopPorts ports{common_.live, common_.clock, common_.wake,  drain_,      sweep_,
                         events_,      common_.hot,   told_.metrics, told_.health};
    ports.connect_queue = [this] { return connect_queue(); };
    ports.connect_cache = [this] { return connect_cache(); };
    ports.refill = [this] { pool_.refill(); };
    ports.save_hot_list = [this] { pool_.save_hot_list(); };
    ports.prewarm_trouble = [this] { return pool_.trouble(); };
    ports.set_prewarm_pace = [this](app::Pace pace) { pool_.set_pace(pace); };
    ports.worker_name = common_.config.worker.name;
    ports.redis_moves = watch_ || cluster_;
    ports.is_target = is_one_of_several();
    return ports;
}

app::ObserverPorts Keeper::observer_ports()
{
    app::ObserverPorts ports{common_.clock, told_.health, told_.metrics, told_.board, {}, {}};
    if (is_first())
        ports.connect_database = [servers = watched(common_.servers)] {
            return std::make_unique<pg::Observer>(servers.postgres, servers.timeouts);
        };
    ports.connect_cache =
        [this, target = watched(common_.servers).redis[at_].target]() -> std::unique_ptr<app::CacheObserver> {
        if (cluster_)
            return std::make_unique<redis::ClusterObserver>(target, *cluster_);
        return std::make_unique<redis::Observer>(target, watch_.get());
    };
    ports.slow_ms = common_.config.performance.slow_ms;
    if (is_first()) {
        ports.send_spans = common_.send_spans;
        ports.own_spans = &common_.spans;
    }
    return ports;
}

app::AuditorPorts Keeper::auditor_ports()
{
    return {common_.live,
            common_.clock,
            told_.health,
            told_.metrics,
            [servers = watched(common_.servers)] {
                return std::make_unique<pg::Builder>(servers.postgres, servers.timeouts, servers.cluster_keys,
                                                     pg::Builder::Purpose::Audit);
            },
            [this, target = watched(common_.servers).redis[at_].target] {
                auto const most = std::min<std::int64_t>(common_.live.get()->invalidate.scan_count, kSampledKeys);
                return make_sample(target, most);
            }};
}

void Keeper::start()
{
    log::Subject const subject(redis_.name);
    if (common_.config.performance.enabled)
        observing_ = std::make_unique<app::Observing>(observer_ports());
    auditing_ = std::make_unique<app::Auditing>(auditor_ports());
}

void Keeper::run()
{
    log::Subject const subject(redis_.name);
    app::Loop(ports()).run();
    pool_.stop();
}

}  // namespace wc
