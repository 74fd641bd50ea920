// wc-worker: reads the arguments and the configuration, and connects the parts.
#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "app/releasing.hpp"
#include "app/service.hpp"
#include "app/span_box.hpp"
#include "config/command_line.hpp"
#include "config/exposure.hpp"
#include "config/guide.hpp"
#include "config/loader.hpp"
#include "destinations/reports.hpp"
#include "http/routes.hpp"
#include "http/server.hpp"
#include "http/status_command.hpp"
#include "keeper/connecting.hpp"
#include "keeper/keeper.hpp"
#include "keeper/servers.hpp"
#include "pg/encryption.hpp"
#include "pg/releaser.hpp"
#include "process/log.hpp"
#include "process/notify.hpp"
#include "process/printable.hpp"
#include "process/signals.hpp"
#include "process/wake.hpp"
#include "redis/encryption.hpp"
#include "redis/error.hpp"
#include "redis/tls.hpp"

namespace {

using namespace wc;

// The exit status that a shell shows for a process that SIGTERM has ended.
constexpr int kTerminated = 128 + SIGTERM;

void check_tls_files(const config::Config &config, const Servers &servers)
{
    for (auto const &[name, target] : servers.redis) {
        if (!config.redis.enabled || !target.address.tls)
            continue;
        try {
            redis::check_tls_files(target.tls);
        } catch (const redis::IoError &error) {
            throw config::ConfigError((name.empty() ? "" : "redis.target \"" + name + "\": ") + error.what());
        }
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
    for (auto const &[name, target] : servers.redis)
        if (auto cache = redis::describe_exposure(target.address); cache && config.redis.enabled)
            found.push_back((name.empty() ? "" : "redis.target \"" + name + "\": ") + *cache);
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

/// What is told of each of several Redis.
struct TargetFigures {
    app::Health health;
    metrics::Metrics metrics;
    app::Board board;
};

/// The parts of the running process and how they are connected.  The first thread handles signals, one more for each
/// Redis runs its loop, and the pools and HTTP have threads of their own.
class Process {
public:
    /// REQUIRES: the arguments outlive the process, and no thread was started before: each inherits the blocked
    /// signals.
    Process(const config::Config &config, const Servers &servers, const std::string &file);

    /// Runs until a signal ends it or a loop fails.  Returns the exit status.
    int run();

private:
    void make_keepers();
    void make_releasing();
    int run_loops();
    int run_loop(Keeper &keeper);
    void wait_while_off();
    void handle_signals(int done);

    const config::Config &config_;
    const Servers &servers_;
    const std::string &file_;
    Signals signals_;
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
    std::vector<std::unique_ptr<TargetFigures>> figures_;  // with one Redis none: then those of the process count
    http::Routes routes_;
    std::unique_ptr<http::Server> http_;
    std::unique_ptr<destinations::Reports> reports_;
    Common common_;
    std::vector<std::unique_ptr<Keeper>> keepers_;
    std::unique_ptr<app::Releasing> releasing_;
};

Process::Process(const config::Config &config, const Servers &servers, const std::string &file)
    : config_(config),
      servers_(servers),
      file_(file),
      live_(config),
      service_(notify_, health_, app::patience_with(config)),
      routes_(health_, metrics_, live_, board_),
      common_{config_, servers_, live_, clock_, wake_, hot_, spans_}
{
    make_keepers();
    if (config.http.enabled)
        http_ = std::make_unique<http::Server>(config.http.address, static_cast<int>(config.http.port),
                                               [this](auto const &request) { return routes_.answer(request); });
    if (config.performance.enabled)
        reports_ = std::make_unique<destinations::Reports>(config, health_, board_, metrics_);
    if (reports_ && reports_->wants_spans()) {
        spans_.open();
        common_.send_spans = [this](auto const &spans) { reports_->send_spans(spans); };
    }
    if (http_)
        log::info("http: listens on {}:{}", config.http.address, http_->port());
}

void Process::make_keepers()
{
    if (!config_.redis.enabled)
        return;
    for (auto const &one : servers_.redis)
        if (!one.name.empty()) {
            auto &figures = *figures_.emplace_back(std::make_unique<TargetFigures>());
            health_.parts.push_back({one.name, &figures.health});
            metrics_.add_target(one.name, figures.metrics);
        }
    for (std::size_t at = 0; at < servers_.redis.size(); ++at) {
        auto const told = figures_.empty() ? Told{health_, metrics_, board_}
                                           : Told{figures_[at]->health, figures_[at]->metrics,
                                                  at == 0 ? board_ : figures_[at]->board};
        log::Subject const subject(servers_.redis[at].name);
        keepers_.push_back(std::make_unique<Keeper>(common_, at, told));
    }
}

void Process::make_releasing()
{
    if (figures_.empty())
        return;
    releasing_ = std::make_unique<app::Releasing>(app::ReleasingPorts{
        clock_, [this] { return std::make_unique<pg::Releaser>(servers_.postgres, servers_.timeouts); },
        [this] {
            return std::any_of(figures_.begin(), figures_.end(),
                               [](auto &one) { return one->health.role == app::Role::Draining; });
        },
        [this] { return std::chrono::seconds(live_.get()->queue.heartbeat_s); }});
}

int Process::run()
{
    if (reports_)
        reports_->start();
    for (auto &keeper : keepers_)
        keeper->start();
    make_releasing();
    int const done = eventfd(0, EFD_CLOEXEC);
    int status = EXIT_SUCCESS;
    std::thread working([&] {
        status = run_loops();
        eventfd_write(done, 1);
    });
    service_.started();
    handle_signals(done);
    service_.stopping();
    for (auto &keeper : keepers_)
        keeper->stop_auditing();
    working.join();
    releasing_.reset();
    for (auto &keeper : keepers_)
        keeper->stop_observing();
    reports_.reset();
    close(done);
    log::info("stopped");
    return status;
}

// The second thread.
int Process::run_loops()
{
    if (keepers_.empty()) {
        wait_while_off();
        return EXIT_SUCCESS;
    }
    std::atomic<int> status{EXIT_SUCCESS};
    std::vector<std::thread> others;
    for (std::size_t at = 1; at < keepers_.size(); ++at)
        others.emplace_back([this, at, &status] {
            if (int const own = run_loop(*keepers_[at]); own != EXIT_SUCCESS)
                status = own;
        });
    if (int const own = run_loop(*keepers_.front()); own != EXIT_SUCCESS)
        status = own;
    for (auto &thread : others)
        thread.join();
    return status;
}

// One that fails ends the others.
int Process::run_loop(Keeper &keeper)
{
    try {
        keeper.run();
        return EXIT_SUCCESS;
    } catch (const std::exception &error) {
        log::error("{}", error.what());
        wake_.stop();
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
            check_tls_files(config, servers);
        auto const exposed = exposures_of(config, servers, arguments.config_file);
        auto const replaced = config::replaced_variables(config, config::process_environment);
        if (arguments.check_config) {
            for (auto const &sentence : replaced)
                std::fprintf(stderr, "%s\n", printable(sentence).c_str());
            for (auto const &sentence : exposed)
                std::fprintf(stderr, "%s\n", printable(sentence).c_str());
            std::fputs(config::describe(config).c_str(), stdout);
            return arguments.connect ? try_servers(config, servers) : EXIT_SUCCESS;
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
