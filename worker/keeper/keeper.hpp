// All that keeps one Redis fresh: its loop, and the threads that rebuild, look and compare.
#pragma once
#include <memory>
#include <string>

#include "app/auditing.hpp"
#include "app/drain.hpp"
#include "app/event_stream.hpp"
#include "app/loop.hpp"
#include "app/observing.hpp"
#include "app/prewarm_pool.hpp"
#include "app/sweep.hpp"
#include "keeper/servers.hpp"
#include "process/wake.hpp"
#include "redis/cluster_watch.hpp"
#include "redis/key_names.hpp"
#include "redis/master_watch.hpp"

namespace wc {

/// What all keepers of a process have in common.  REQUIRES: it outlives them.
struct Common {
    const config::Config &config;
    const Servers &servers;
    config::Live &live;
    const SteadyClock &clock;
    Wake &wake;
    app::HotList &hot;
    app::SpanBox &spans;
    /// Where spans go; empty: nowhere.
    std::function<void(const std::vector<app::Span> &)> send_spans{};
};

/// What is told of one Redis.
struct Told {
    app::Health &health;
    metrics::Metrics &metrics;
    app::Board &board;
};

/// With several Redis the first of the configuration has the stream of events, and looks at the database for all.
class Keeper {
public:
    /// `at`: which Redis of the servers.
    Keeper(const Common &common, std::size_t at, const Told &told);

    /// Starts the threads beside the loop.
    void start();
    /// Runs the loop until somebody says stop; then ends the threads that rebuild.
    void run();
    /// Ends the thread that compares, which may be in a long call.
    void stop_auditing() { auditing_.reset(); }
    void stop_observing() { observing_.reset(); }

private:
    bool is_first() const noexcept { return at_ == 0; }
    bool is_one_of_several() const noexcept { return common_.servers.redis.size() > 1 || !redis_.name.empty(); }
    bool has_events() const { return is_first() && !common_.config.events.stream.empty(); }
    redis::KeyNames keys() const { return {common_.live.get()->redis, common_.servers.cluster_keys}; }
    std::unique_ptr<app::Queue> connect_queue() const;
    std::unique_ptr<app::Cache> connect_cache();
    std::unique_ptr<app::Store> make_store() const;
    std::unique_ptr<app::CacheSample> make_sample(const redis::Target &target, std::int64_t scan_count) const;
    app::LoopPorts ports();
    app::ObserverPorts observer_ports();
    app::AuditorPorts auditor_ports();

    const Common &common_;
    std::size_t at_;
    const RedisServer &redis_;
    Told told_;
    std::unique_ptr<redis::MasterWatch> watch_;
    std::unique_ptr<redis::ClusterWatch> cluster_;
    app::Prewarm prewarm_;
    app::PrewarmPool pool_;
    app::EventStream events_;
    app::Drain drain_;
    app::Sweep sweep_;
    std::unique_ptr<app::Observing> observing_;
    std::unique_ptr<app::Auditing> auditing_;
};

}  // namespace wc
