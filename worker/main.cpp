// wc-worker: wires the parts together.  What they do is said where they are.
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

#include "app/drain.hpp"
#include "app/log.hpp"
#include "app/loop.hpp"
#include "app/prewarm_pool.hpp"
#include "app/signals.hpp"
#include "app/sweep.hpp"
#include "app/wake.hpp"
#include "config/command_line.hpp"
#include "config/loader.hpp"
#include "http/server.hpp"
#include "pg/builder.hpp"
#include "pg/queue.hpp"
#include "redis/cache.hpp"
#include "redis/error.hpp"
#include "redis/store.hpp"
#include "redis/tls.hpp"

namespace {

using namespace wc;

// What a shell shows for a process that a TERM ended.
constexpr int kTerminated = 128 + SIGTERM;

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
    return {
        checked("postgres.url: ", [&] { return pg::parse_target(config.postgres.url, config.postgres.password); }),
        {milliseconds(config.postgres.connection_timeout_ms), milliseconds(config.postgres.statement_timeout_ms), {}},
        checked("", [&] { return redis::parse_target(config.redis); }),
        config.redis.cluster_keys};
}

void check_files(const config::Config &config, const redis::Target &target)
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
    bool const known = connection.run("SELECT white_cross.unregister_worker(" + pg::quoted(name) + ")").is_true(0, 0);
    std::printf("%s: %s\n", name.c_str(), known ? "unregistered" : "was not registered");
    return EXIT_SUCCESS;
}

void reload(config::Live &live, const std::string &file)
{
    try {
        auto running = *live.get();
        for (auto const name : config::reload(running, config::load(file, config::process_environment)))
            log::warning("{} has changed: that needs a restart", name);
        log::set_level(running.log.level);
        live.set(std::move(running));
        log::info("configuration read again");
    } catch (const config::ConfigError &error) {
        log::error("configuration not changed: {}", error.what());
    }
}

/// The signals' side of the process, in its first thread, until `done` is readable.
void attend(app::Signals &signals, int done, app::Wake &wake, config::Live &live, const std::string &file)
{
    while (int const signal = signals.next(done)) {
        if (signal == SIGHUP) {
            reload(live, file);
            continue;
        }
        if (wake.stopping())
            _exit(kTerminated);
        log::info("finishes what is in hand, then stops");
        wake.stop();
    }
}

int run(const config::Config &config, const Servers &servers, const std::string &file)
{
    app::Signals signals;
    config::Live live(config);
    app::SteadyClock clock;
    app::Wake wake;
    app::Health health;
    app::HotList hot;
    metrics::Metrics metrics;

    std::unique_ptr<http::Server> http;
    if (config.http.enabled) {
        http = std::make_unique<http::Server>(config.http.address, static_cast<int>(config.http.port), health, metrics);
        log::info("http: listens on {}:{}", config.http.address, http->port());
    }

    auto const form = servers.cluster_keys ? cache::KeyForm::HashTag : cache::KeyForm::Plain;
    app::Prewarm prewarm(live, clock, hot, metrics);
    app::PrewarmPool pool(live, clock, prewarm, metrics, [&] {
        return app::PrewarmLinks{
            std::make_unique<pg::Builder>(servers.postgres, servers.timeouts, servers.cluster_keys),
            std::make_unique<redis::Store>(servers.redis, form)};
    });
    app::Drain drain(live, clock, hot, metrics, [&](auto wanted) { pool.want(std::move(wanted)); });
    app::Sweep sweep(clock, hot, metrics);
    app::LoopPorts ports;
    ports.connect_queue = [&] {
        auto timeouts = servers.timeouts;
        auto const queue = live.get()->queue;
        // Who polls rarely is not hung.
        timeouts.hung = std::chrono::milliseconds(std::max(queue.hung_after_ms, 3 * queue.poll_interval_ms));
        return std::make_unique<pg::Queue>(servers.postgres, timeouts, config.worker.name);
    };
    ports.connect_cache = [&] { return std::make_unique<redis::Cache>(servers.redis, live); };
    ports.refill = [&] { pool.refill(); };
    ports.save_hot_list = [&] { pool.save_hot_list(); };
    ports.set_prewarm_pace = [&](app::Pace pace) { pool.set_pace(pace); };

    int const done = eventfd(0, EFD_CLOEXEC);
    int status = EXIT_SUCCESS;
    std::thread working([&] {
        try {
            if (config.redis.enabled) {
                app::Loop(live, clock, wake, std::move(ports), drain, sweep, hot, metrics, health).run();
            } else {
                log::warning(
                    "redis.enabled = false: nothing is removed or rebuilt; if no other worker runs, "
                    "`wc-worker --unregister` stops the database from queueing");
                health.role = app::Role::Off;
                while (!wake.stopping())
                    wake.wait({}, clock.now() + std::chrono::hours(1));
            }
            pool.stop();
        } catch (const std::exception &error) {
            log::error("{}", error.what());
            status = EXIT_FAILURE;
        }
        eventfd_write(done, 1);
    });
    attend(signals, done, wake, live, file);
    working.join();
    close(done);
    log::info("stopped");
    return status;
}

}  // namespace

int main(int argc, char **argv)
{
    auto const arguments = config::parse_command_line(argc, argv);
    if (arguments.exit_status)
        return *arguments.exit_status;
    // Memory that one thread freed should serve the others: the batches of a burst would else be kept once per thread.
    mallopt(M_ARENA_MAX, 2);
    try {
        auto const config = config::load(arguments.config_file, config::process_environment);
        auto const servers = servers_of(config);
        if (!arguments.unregister)
            check_files(config, servers.redis);
        if (arguments.check_config) {
            std::fputs(config::describe(config).c_str(), stdout);
            return EXIT_SUCCESS;
        }
        log::start(config.log.format);
        log::set_level(config.log.level);
        for (auto const &parameter : servers.postgres.ignored)
            log::info("postgres.url: parameter {} means nothing to libpq and is left out", parameter);
        if (arguments.unregister)
            return unregister(servers, config.worker.name);
        log::info("wc-worker {} begins", WC_VERSION);
        return run(config, servers, arguments.config_file);
    } catch (const config::ConfigError &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return config::kExitStatus;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "wc-worker: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
