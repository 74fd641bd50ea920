#include "http/server.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "http/connection.hpp"
#include "http/listener.hpp"
#include "process/log.hpp"

namespace wc::http {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// Connections that are accepted between two polls.  A client that sends its request before this many others connect is
// answered before any of them can take its place.
constexpr int kAcceptedAtOnce = 16;

// How long new connections wait when the process has no descriptor left for them.
constexpr milliseconds kPause{100};

}  // namespace

struct Server::State {
    State(const std::string &address, int port, Handler handler, Limits limits)
        : listener(address, port), handler(std::move(handler)), limits(limits), stop(eventfd(0, EFD_CLOEXEC))
    {}
    ~State() { close(stop); }

    void run();
    void poll_all();
    void advance_all();
    void accept_some();
    void make_room();

    Listener listener;
    Handler handler;
    Limits limits;
    int stop;
    std::atomic<bool> stopping{false};
    std::vector<Connection> connections;
    std::vector<pollfd> polled;  // `stop`, the listener, then the connections in their order
    Time paused_until{};
    std::thread thread;
};

void Server::State::run()
{
    while (!stopping) {
        poll_all();
        advance_all();
        accept_some();
    }
}

void Server::State::poll_all()
{
    auto const now = SteadyClock::now();
    bool const is_paused = now < paused_until;
    polled = {{stop, POLLIN, 0}, {is_paused ? -1 : listener.fd(), POLLIN, 0}};
    auto until = is_paused ? paused_until : Time::max();
    for (auto const &connection : connections) {
        polled.push_back({connection.fd(), connection.awaited(), 0});
        until = std::min(until, connection.deadline());
    }
    int timeout = -1;
    if (until != Time::max())
        timeout = static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(until - now).count()));
    if (poll(polled.data(), polled.size(), timeout) < 0)
        for (auto &descriptor : polled)
            descriptor.revents = 0;
}

void Server::State::advance_all()
{
    auto const now = SteadyClock::now();
    std::vector<Connection> kept;
    kept.reserve(connections.size());
    for (std::size_t i = 0; i < connections.size(); ++i) {
        auto &connection = connections[i];
        bool is_open = true;
        if (polled[i + 2].revents != 0)
            is_open = connection.advance(handler);
        if (is_open && connection.deadline() <= now) {
            connection.time_out();
            is_open = false;
        }
        if (is_open)
            kept.push_back(std::move(connection));
    }
    connections = std::move(kept);
}

void Server::State::accept_some()
{
    if (polled[1].revents == 0)
        return;
    for (int n = 0; n < kAcceptedAtOnce; ++n) {
        int const fd = listener.accept();
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                make_room();
                paused_until = SteadyClock::now() + kPause;
            }
            return;
        }
        if (connections.size() >= limits.connections)
            make_room();
        auto const now = SteadyClock::now();
        connections.emplace_back(fd, now, now + limits.request);
    }
}

// Closes the oldest connection that has its answer, or else the oldest one.  So a new connection is kept until
// `limits.connections` others have come after it, whatever they do.
void Server::State::make_room()
{
    auto const first = std::min_element(connections.begin(), connections.end(), [](auto const &a, auto const &b) {
        return std::pair(!a.is_answered(), a.began()) < std::pair(!b.is_answered(), b.began());
    });
    if (first != connections.end())
        connections.erase(first);
}

Server::Server(const std::string &address, int port, Handler handler, Limits limits)
    : state_(std::make_unique<State>(
          address, port,
          [handler = std::move(handler)](const Request &request) {
              try {
                  return handler(request);
              } catch (const std::exception &error) {
                  log::error("http: {}", error.what());
                  return refusal(500);
              }
          },
          limits))
{
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Server::~Server()
{
    state_->stopping = true;
    eventfd_write(state_->stop, 1);
    state_->thread.join();
}

int Server::port() const noexcept { return state_->listener.port(); }

}  // namespace wc::http
