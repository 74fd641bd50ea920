#include "http/server.hpp"

#include <httplib.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

namespace wc::http {
namespace {

constexpr std::size_t kRequestThreads = 2;

}  // namespace

std::string health_json(const app::Health &health)
{
    nlohmann::ordered_json body;
    auto const now = std::chrono::steady_clock::now();
    body["healthy"] = health.is_well(now);
    body["stuck"] = health.is_stuck(now);
    body["postgres"] = health.postgres.load();
    body["redis"] = health.redis.load();
    body["role"] = app::name(health.role);
    body["queue_rows"] = health.queue_rows.load();
    body["oldest_queue_row_seconds"] = static_cast<double>(health.oldest_us) / 1e6;
    return body.dump() + "\n";
}

struct Server::State {
    httplib::Server server;
    int port = 0;
    std::thread thread;
};

Server::Server(const std::string &address, int port, const app::Health &health, const metrics::Metrics &metrics)
    : state_(std::make_unique<State>())
{
    auto &server = state_->server;
    server.new_task_queue = [] { return new httplib::ThreadPool(kRequestThreads); };
    // An idle connection occupies one of the few threads.
    server.set_keep_alive_timeout(1);
    // The library would share the port with whoever else listens there (SO_REUSEPORT).
    server.set_socket_options([](socket_t socket) {
        int const yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.Get("/healthz", [&health](const httplib::Request &, httplib::Response &response) {
        response.status = health.is_well(std::chrono::steady_clock::now()) ? 200 : 503;
        response.set_content(health_json(health), "application/json");
    });
    server.Get("/metrics", [&metrics](const httplib::Request &, httplib::Response &response) {
        response.set_content(metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
    });
    errno = 0;
    state_->port = port == 0 ? server.bind_to_any_port(address) : (server.bind_to_port(address, port) ? port : -1);
    if (state_->port < 0)
        throw std::runtime_error("cannot listen on " + address + ":" + std::to_string(port) + ": " +
                                 (errno ? std::strerror(errno) : "not an address of this machine"));
    state_->thread = std::thread([&server] { server.listen_after_bind(); });
}

Server::~Server()
{
    // A stop before the start would be lost.
    while (!state_->server.is_running() && state_->thread.joinable())
        std::this_thread::yield();
    state_->server.stop();
    state_->thread.join();
}

int Server::port() const noexcept { return state_->port; }

}  // namespace wc::http
