// The thread that makes messages of what the worker knows, for all destinations that are set.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/health.hpp"
#include "app/observation.hpp"
#include "app/span.hpp"
#include "config/config.hpp"
#include "destinations/dogstatsd.hpp"
#include "destinations/failed_calls.hpp"
#include "destinations/otlp_body.hpp"
#include "destinations/sender.hpp"
#include "destinations/sentry.hpp"
#include "destinations/slow_call_list.hpp"
#include "metrics/metrics.hpp"

namespace wc::destinations {

/// The destinations of a configuration, each with its own queue and thread.
class Reports {
public:
    /// REQUIRES: the arguments outlive this.
    Reports(const config::Config &config, const app::Health &health, const app::Board &board,
            metrics::Metrics &metrics);
    /// Sends what waits, for two seconds at most.
    ~Reports();
    Reports(const Reports &) = delete;
    Reports &operator=(const Reports &) = delete;

    bool wants_spans() const noexcept { return traces_ != nullptr; }
    /// From any thread; waits for no receiver.
    void send_spans(const std::vector<app::Span> &spans);
    /// Begins.
    void start();

private:
    void try_to_look();
    void look();
    void report_state(Time now);
    void report_error(const SentryEvent &event);
    void report_failed_calls(const app::Seen &seen, Time now, bool is_drainer);
    void report_slow_calls(const app::Seen &seen, Time now, bool is_drainer);

    const config::Config &config_;
    const app::Health &health_;
    const app::Board &board_;
    metrics::Metrics &metrics_;
    OtlpResource resource_;
    std::unique_ptr<OtlpMetrics> otlp_metrics_;
    std::unique_ptr<Sender> webhook_, traces_, figures_, agent_, sentry_;
    FailedCallCounts failed_calls_;
    DogStatsdLines agent_lines_;
    SlowCallList slow_calls_;
    State state_ = State::Starting;
    Time window_due_{}, figures_due_{};

    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace wc::destinations
