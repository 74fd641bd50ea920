// The thread that asks both servers and writes the answers onto the board, so that no request and no drain waits for
// them.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "app/health.hpp"
#include "app/observation.hpp"
#include "app/span_box.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"

namespace wc::app {

struct ObserverPorts {
    const Clock &clock;
    const Health &health;
    metrics::Metrics &metrics;
    Board &board;
    std::function<std::unique_ptr<DatabaseObserver>()> connect_database;  ///< empty: another one looks there
    std::function<std::unique_ptr<CacheObserver>()> connect_cache;
    std::int64_t slow_ms = 1000;  ///< from how many milliseconds on people expect a call to count as slow
    /// Receives spans of calls in the database and of the worker.  If it is empty, no spans are read.
    std::function<void(const std::vector<Span> &)> send_spans{};
    SpanBox *own_spans = nullptr;  ///< where the worker's own spans wait; null: it makes none
};

/// Looks at both servers once in each call; has no thread of its own.  If a server cannot be reached, tries it again
/// at the next look.  For one thread.
class Observer {
public:
    explicit Observer(ObserverPorts ports) : ports_(std::move(ports)) {}
    void look();
    /// Hands on the spans that the worker itself has made.
    void send_own_spans();

private:
    void look_at_database(Seen &seen);
    void look_at_cache(Seen &seen);
    void take_spans();
    void compare_slow(std::optional<std::int64_t> counted_from);

    ObserverPorts ports_;
    std::unique_ptr<DatabaseObserver> database_;
    std::unique_ptr<CacheObserver> cache_;
    HitRate hit_rate_;
    Time findings_due_{};
    std::optional<std::int64_t> counted_from_;  // as of the last line in the log
};

/// An Observer on a thread of its own, until the destructor.
class Observing {
public:
    explicit Observing(ObserverPorts ports);
    ~Observing();
    Observing(const Observing &) = delete;
    Observing &operator=(const Observing &) = delete;

private:
    Observer observer_;
    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace wc::app
