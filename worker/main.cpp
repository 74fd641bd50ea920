// wc-worker: reads the arguments and the configuration, and connects the parts.
#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "app/auditing.hpp"
#include "app/drain.hpp"
#include "app/event_stream.hpp"
#include "app/loop.hpp"
#include "app/observing.hpp"
#include "app/prewarm_pool.hpp"
#include "app/service.hpp"
#include "app/span_box.hpp"
#include "app/sweep.hpp"
#include "config/command_line.hpp"
#include "config/exposure.hpp"
#include "config/guide.hpp"
#include "config/loader.hpp"
#include "destinations/reports.hpp"
#include "http/routes.hpp"
#include "http/server.hpp"
#include "http/status_command.hpp"
#include "pg/builder.hpp"
#include "pg/encryption.hpp"
#include "pg/observer.hpp"
#include "pg/queue.hpp"
#include "process/log.hpp"
#include "process/notify.hpp"
#include "process/printable.hpp"
#include "process/signals.hpp"
#include "process/wake.hpp"
#include "redis/cache.hpp"
#include "redis/cluster.hpp"
#include "redis/cluster_observer.hpp"
#include "redis/cluster_store.hpp"
#include "redis/encryption.hpp"
#include "redis/error.hpp"
#include "redis/master_watch.hpp"
#include "redis/observer.hpp"
#include "redis/sample.hpp"
#include "redis/store.hpp"
#include "redis/tls.hpp"

namespace {

using namespace wc;

// The exit status that a shell shows for a process that SIGTERM has ended.
constexpr int kTerminated = 128 + SIGTERM;

// Figures that come later are not shown any more.
constexpr std::chrono::milliseconds kPatienceOfLooks{5000};

// Keys that the audit examines in one step.  Smaller steps than those of a sweep: nobody waits for them.
constexpr std::int64_t kSampledKeys = 100;

struct Servers {
    pg::Target postgres;
    pg::Timeouts timeouts;
    redis::Target redis;
    bool cluster_keys;
};

Servers servers_of(const config::Config &config)
{
    auto const checked = [](const std::string &key, auto parse) {
        try {
            return parse();
        } catch (const std::invalid_argument &error) {
            throw config::ConfigError(key + error.what());
        }
    };
    using std::chrono::milliseconds;
    Servers servers{
        checked("postgres.url: ", [&] { return pg::parse_target(config.postgres.url, config.postgres.password); }),
        {milliseconds(config.postgres.connection_timeout_ms), milliseconds(config.postgres.statement_timeout_ms), {}},
        checked("", [&] { return redis::parse_target(config.redis); }),
        config.redis.cluster_keys};
    servers.cluster_keys = servers.cluster_keys || !servers.redis.address.nodes.empty();
    servers.postgres.worker = config.worker.name;
    return servers;
}

void check_tls_files(const config::Config &config, const redis::Target &target)
{
    if (!config.redis.enabled || !target.address.tls)
        return;
    try {
        redis::check_tls_files(target.tls);
    } catch (const redis::IoError &error) {
        throw config::ConfigError(error.what());
    }
}

int unregister(const Servers &servers, const std::string &name)
{
    pg::Connection connection(servers.postgres, servers.timeouts, "unregister");
    bool const known =
        connection.run("SELECT white_cross.unregister_worker(" + pg::quote_literal(name) + ")").is_true(0, 0);
    std::printf("%s: %s\n", name.c_str(), known ? "unregistered" : "was not registered");
    return EXIT_SUCCESS;
}

/// A sentence for each secret that others of this machine can read, and each connection that others on the network can.
std::vector<std::string> exposures_of(const config::Config &config, const Servers &servers, const std::string &file)
{
    auto found = config::exposed_secrets(config, file);
    if (auto database = pg::describe_exposure(servers.postgres))
        found.push_back(std::move(*database));
    if (auto cache = redis::describe_exposure(servers.redis.address); cache && config.redis.enabled)
        found.push_back(std::move(*cache));
    return found;
}

void warn_exposed(const std::vector<std::string> &exposed)
{
    for (auto const &sentence : exposed)
        log::warning("{}", sentence);
}

void reload(config::Live &live, const std::string &file)
{
    try {
        auto running = *live.get();
        auto const wanted = config::load(file, config::process_environment);
        warn_exposed(config::exposed_secrets(wanted, file));
        for (auto const name : config::reload(running, wanted))
            log::warning("{} has changed; it takes effect at the next restart", name);
        log::set_level(running.log.level);
        live.set(std::move(running));
        log::info("configuration reloaded");
    } catch (const config::ConfigError &error) {
        log::error("configuration not reloaded: {}", error.what());
    }
}

/// The parts of the running process and how they are connected.  The first thread handles signals, a second one runs
/// the loop, and the pool and HTTP have threads of their own.
class Process {
public:
    /// REQUIRES: the arguments outlive the process, and no thread was started before: each inherits the blocked
    /// signals.
    Process(const config::Config &config, const Servers &servers, const std::string &file);

    /// Runs until a signal ends it or the loop fails.  Returns the exit status.
    int run();

private:
    app::LoopPorts ports();
    Servers watched_servers() const;
    app::ObserverPorts observer_ports();
    app::AuditorPorts auditor_ports();
    redis::KeyNames keys() const { return {live_.get()->redis, servers_.cluster_keys}; }
    std::unique_ptr<app::Store> make_store() const;
    int run_loop();
    void wait_while_off();
    void handle_signals(int done);

    const config::Config &config_;
    const Servers &servers_;
    const std::string &file_;
    Signals signals_;
    std::unique_ptr<redis::MasterWatch> watch_;
    std::unique_ptr<redis::ClusterWatch> cluster_;
    config::Live live_;
    SteadyClock clock_;
    Wake wake_;
    app::Health health_;
    app::HotList hot_;
    metrics::Metrics metrics_;
    Notify notify_;
    app::Service service_;
    app::Board board_;
    app::SpanBox spans_;
    http::Routes routes_;
    std::unique_ptr<http::Server> http_;
    app::Prewarm prewarm_;
    app::PrewarmPool pool_;
    app::EventStream events_;
    app::Drain drain_;
    app::Sweep sweep_;
    std::unique_ptr<destinations::Reports> reports_;
    std::unique_ptr<app::Observing> observing_;
    std::unique_ptr<app::Auditing> auditing_;
};

Process::Process(const config::Config &config, const Servers &servers, const std::string &file)
    : config_(config),
      servers_(servers),
      file_(file),
      watch_(config.redis.enabled && !servers.redis.address.sentinels.empty()
                 ? std::make_unique<redis::MasterWatch>(servers.redis)
                 : nullptr),
      cluster_(config.redis.enabled && !servers.redis.address.nodes.empty()
                   ? std::make_unique<redis::ClusterWatch>(servers.redis)
                   : nullptr),
      live_(config),
      service_(notify_, health_, app::patience_with(config)),
      routes_(health_, metrics_, live_, board_),
      http_(config.http.enabled
                ? std::make_unique<http::Server>(config.http.address, static_cast<int>(config.http.port),
                                                 [this](auto const &request) { return routes_.answer(request); })
                : nullptr),
      prewarm_(live_, clock_, hot_, metrics_, spans_),
      pool_(live_, clock_, prewarm_, metrics_,
            [this] {
                return app::PrewarmLinks{
                    std::make_unique<pg::Builder>(servers_.postgres, servers_.timeouts, servers_.cluster_keys),
                    make_store()};
            }),
      events_(!config.events.stream.empty(), metrics_),
      drain_(live_, clock_, hot_, metrics_, spans_, events_, [this](auto wanted) { pool_.want(std::move(wanted)); }),
      sweep_(clock_, hot_, metrics_, events_)
{
    if (config.performance.enabled)
        reports_ = std::make_unique<destinations::Reports>(config, health_, board_, metrics_);
    if (reports_ && reports_->wants_spans())
        spans_.open();
    if (http_)
        log::info("http: listens on {}:{}", config.http.address, http_->port());
}

app::LoopPorts Process::ports()
{
    app::LoopPorts ports{live_, clock_, wake_, drain_, sweep_, events_, hot_, metrics_, health_};
    ports.connect_queue = [this] {
        auto timeouts = servers_.timeouts;
        auto const queue = live_.get()->queue;
        // A worker that polls rarely must not count as hung between two polls.
        timeouts.hung = std::chrono::milliseconds(std::max(queue.hung_after_ms, 3 * queue.poll_interval_ms));
        return std::make_unique<pg::Queue>(servers_.postgres, timeouts, config_.worker.name,
                                           !config_.events.stream.empty());
    };
    ports.connect_cache = [this]() -> std::unique_ptr<app::Cache> {
        if (cluster_)
            return std::make_unique<redis::Cluster>(servers_.redis, live_, *cluster_);
        return std::make_unique<redis::Cache>(servers_.redis, live_, keys(), watch_.get());
    };
    ports.refill = [this] { pool_.refill(); };
    ports.save_hot_list = [this] { pool_.save_hot_list(); };
    ports.prewarm_trouble = [this] { return pool_.trouble(); };
    ports.set_prewarm_pace = [this](app::Pace pace) { pool_.set_pace(pace); };
    ports.worker_name = config_.worker.name;
    ports.redis_moves = watch_ || cluster_;
    return ports;
}

std::unique_ptr<app::Store> Process::make_store() const
{
    if (cluster_)
        return std::make_unique<redis::ClusterStore>(servers_.redis, keys(), *cluster_);
    return std::make_unique<redis::Store>(servers_.redis, keys(), watch_.get());
}

// For the threads that only look: no server holds up the end of the process by one of them for longer.
Servers Process::watched_servers() const
{
    auto servers = servers_;
    servers.timeouts.statement = std::min(servers.timeouts.statement, kPatienceOfLooks);
    servers.redis.timeout = std::min(servers.redis.timeout, kPatienceOfLooks);
    return servers;
}

app::ObserverPorts Process::observer_ports()
{
    return {
        clock_,
        health_,
        metrics_,
        board_,
        [servers = watched_servers()] { return std::make_unique<pg::Observer>(servers.postgres, servers.timeouts); },
        [this, servers = watched_servers()]() -> std::unique_ptr<app::CacheObserver> {
            if (cluster_)
                return std::make_unique<redis::ClusterObserver>(servers.redis, *cluster_);
            return std::make_unique<redis::Observer>(servers.redis, watch_.get());
        },
        config_.performance.slow_ms,
        reports_ && reports_->wants_spans() ? [this](auto const &spans) { reports_->send_spans(spans); }
                                            : std::function<void(const std::vector<app::Span> &)>(),
        &spans_};
}

app::AuditorPorts Process::auditor_ports()
{
    return {live_,
            clock_,
            health_,
            metrics_,
            [servers = watched_servers()] {
                return std::make_unique<pg::Builder>(servers.postgres, servers.timeouts, servers.cluster_keys,
                                                     pg::Builder::Purpose::Audit);
            },
            [this, servers = watched_servers()] {
                return std::make_unique<redis::Sample>(
                    servers.redis, keys(), std::min<std::int64_t>(live_.get()->invalidate.scan_count, kSampledKeys),
                    watch_.get());
            }};
}

int Process::run()
{
    if (reports_)
        reports_->start();
    if (config_.performance.enabled && config_.redis.enabled)
        observing_ = std::make_unique<app::Observing>(observer_ports());
    // The audit reads as a client without Lua does, which a cluster has not.
    if (config_.redis.enabled && !cluster_)
        auditing_ = std::make_unique<app::Auditing>(auditor_ports());
    int const done = eventfd(0, EFD_CLOEXEC);
    int status = EXIT_SUCCESS;
    std::thread working([&] {
        status = run_loop();
        eventfd_write(done, 1);
    });
    service_.started();
    handle_signals(done);
    service_.stopping();
    auditing_.reset();
    working.join();
    observing_.reset();
    reports_.reset();
    close(done);
    log::info("stopped");
    return status;
}

// The second thread.
int Process::run_loop()
{
    try {
        if (config_.redis.enabled)
            app::Loop(ports()).run();
        else
            wait_while_off();
        pool_.stop();
        return EXIT_SUCCESS;
    } catch (const std::exception &error) {
        log::error("{}", error.what());
        return EXIT_FAILURE;
    }
}

// For redis.enabled = false: the process serves HTTP and waits for a signal.
void Process::wait_while_off()
{
    log::warning(
        "redis.enabled = false: nothing is removed or rebuilt; if no other worker runs, "
        "`wc-worker --unregister` stops the database from queueing");
    health_.role = app::Role::Off;
    app::Announcer(health_, metrics_).announce({State::Off});
    while (!wake_.stopping())
        wake_.wait({}, clock_.now() + std::chrono::hours(1));
}

// Returns when `done` is readable.
void Process::handle_signals(int done)
{
    for (;;) {
        auto const signal = signals_.next(done, service_.tick(clock_.now()));
        if (!signal)
            continue;
        if (*signal == 0)
            return;
        if (*signal == SIGHUP) {
            service_.reloading();
            reload(live_, file_);
            service_.reloaded();
            continue;
        }
        if (wake_.stopping())
            _exit(kTerminated);
        log::info("stopping after the current batch; a second signal ends the worker at once");
        service_.stopping();
        wake_.stop();
    }
}

}  // namespace

int main(int argc, char **argv)
{
    auto const arguments = config::parse_command_line(argc, argv);
    if (arguments.exit_status)
        return *arguments.exit_status;
    // Share freed memory between threads: with an arena per thread, each would keep the memory of a burst's batches.
    mallopt(M_ARENA_MAX, 2);
    try {
        auto const config = config::load(arguments.config_file, config::process_environment);
        if (arguments.status)
            return http::show_status(config.http, arguments.watch);
        auto const servers = servers_of(config);
        if (!arguments.unregister)
            check_tls_files(config, servers.redis);
        auto const exposed = exposures_of(config, servers, arguments.config_file);
        auto const replaced = config::replaced_variables(config, config::process_environment);
        if (arguments.check_config) {
            for (auto const &sentence : replaced)
                std::fprintf(stderr, "%s\n", printable(sentence).c_str());
            for (auto const &sentence : exposed)
                std::fprintf(stderr, "%s\n", printable(sentence).c_str());
            std::fputs(config::describe(config).c_str(), stdout);
            return EXIT_SUCCESS;
        }
        log::start(config.log.format);
        log::set_level(config.log.level);
        for (auto const &parameter : servers.postgres.ignored)
            log::info("postgres.url: ignores the parameter {}, which libpq does not know", parameter);
        warn_exposed(exposed);
        for (auto const &sentence : replaced)
            log::info("{}", sentence);
        // Under systemd, `systemctl show` shows the contents of Environment= to every user.
        if (config::process_environment("INVOCATION_ID"))
            for (auto const &name : config::secrets_of(config::process_environment))
                log::info("{} holds a password: set it in a file of EnvironmentFile=, not in Environment=", name);
        if (arguments.unregister)
            return unregister(servers, config.worker.name);
        log::info("wc-worker {} starts", WC_VERSION);
        return Process(config, servers, arguments.config_file).run();
    } catch (const config::ConfigError &error) {
        std::fprintf(stderr, "%s\n", printable(error.what()).c_str());
        return config::kExitStatus;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "wc-worker: %s\n", printable(error.what()).c_str());
        return EXIT_FAILURE;
    }
}
