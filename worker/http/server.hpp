// /metrics and /healthz.
#pragma once
#include <memory>
#include <string>

#include "app/health.hpp"
#include "metrics/metrics.hpp"

namespace wc::http {

/// A thread of its own and two for requests.  Shows no health data.
class Server {
public:
    /// Listens from here on.  Port 0: any that is free.  Throws std::runtime_error when the address cannot be had.
    Server(const std::string &address, int port, const app::Health &health, const metrics::Metrics &metrics);
    ~Server();

    int port() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The body of /healthz.
std::string health_json(const app::Health &health);

}  // namespace wc::http
