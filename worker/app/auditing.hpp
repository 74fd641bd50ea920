// Compares a trickle of cached values with the database, on a thread of its own, and removes what is stale.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/builder.hpp"
#include "app/cache_sample.hpp"
#include "app/health.hpp"
#include "config/live.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"
#include "process/retry.hpp"

namespace wc::app {

struct AuditorPorts {
    const config::Live &live;
    const Clock &clock;
    const Health &health;
    metrics::Metrics &metrics;
    std::function<std::unique_ptr<Builder>()> connect_builder;
    std::function<std::unique_ptr<CacheSample>()> connect_sample;
    /// Waits that long.  Returns false if the thread must end.
    std::function<bool(std::chrono::milliseconds)> pause{};
};

/// Makes one comparison after another; has no thread of its own.  For one thread.
///
/// It looks only while this worker drains, is not behind and does not sweep.  It goes round all cached keys, one step
/// of SCAN after another, or of the table of students, so that each key that stays has its turn.
///
/// A value that differs from the database is not stale yet: a change may be on its way through the queue, and its
/// removal with it.  docs/decisions/audit.md has the argument why two looks with nothing in between decide it.
class Auditor {
public:
    explicit Auditor(AuditorPorts ports);

    /// Compares one value, if it is time.  Returns when to call it next.
    Time step();

private:
    enum class Finding { Absent, Undecided, Fresh, Stale };

    bool may_look() const;
    void audit_one();
    std::optional<CachedName> next_name();
    SampleStep next_step();
    Finding compare(const CachedName &name);
    std::optional<CachedValue> read_once_drained(const CachedName &name, const CachedValue &before,
                                                 const std::string &snapshot, Time until);
    void show_share();
    void note(const CachedName &name, Finding finding);
    void disconnect();

    AuditorPorts ports_;
    std::unique_ptr<Builder> builder_;
    std::unique_ptr<CacheSample> sample_;
    Retry retry_;
    std::string cursor_ = "0";
    std::string last_student_;      // where keys are opaque
    std::deque<CachedName> names_;  // of the last step through the keys, to be compared
    Time due_{};
};

/// An Auditor on a thread of its own, until the destructor.
class Auditing {
public:
    explicit Auditing(AuditorPorts ports);
    ~Auditing();
    Auditing(const Auditing &) = delete;
    Auditing &operator=(const Auditing &) = delete;

private:
    AuditorPorts with_pause(AuditorPorts ports);
    bool wait_until(Time time);

    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    Auditor auditor_;
    std::thread thread_;
};

}  // namespace wc::app
