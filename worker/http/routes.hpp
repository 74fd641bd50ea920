// Maps the path of a request to its answer.
#pragma once
#include "app/health.hpp"
#include "app/observation.hpp"
#include "config/live.hpp"
#include "http/message.hpp"
#include "metrics/metrics.hpp"

namespace wc::http {

/// Answers each request from values that other threads have written: asks no server and never waits.  No answer
/// contains health data.  For one thread.  REQUIRES: the arguments outlive this.
class Routes {
public:
    Routes(const app::Health &health, metrics::Metrics &metrics, const config::Live &live, const app::Board &board)
        : health_(health), metrics_(metrics), live_(live), board_(board)
    {}

    Answer answer(const Request &request) const;

private:
    Answer admin(const Request &request) const;

    const app::Health &health_;
    metrics::Metrics &metrics_;
    const config::Live &live_;
    const app::Board &board_;
};

}  // namespace wc::http
