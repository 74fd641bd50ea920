// What the worker asks both servers only to show it to people and their tools.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/span.hpp"
#include "metrics/metrics.hpp"
#include "process/clock.hpp"

namespace wc::app {

/// Texts are JSON as the database made it; empty if the database could not give it, or was not asked.
struct DatabaseView {
    std::string performance;  ///< wc_performance()
    std::string slow_calls;   ///< an array, the latest first
    std::string functions;    ///< the rows of wc_stat_functions
    std::string findings;     ///< the rows of wc_diagnose that are not ok
    std::vector<metrics::FunctionLatency> latencies;
    std::optional<std::int64_t> slow_ms;  ///< a call that takes longer counts as slow; -1: none does
};

struct CacheView {
    std::optional<std::int64_t> keys, used_memory, hits, misses;
};

/// Ports, each one connection's life.  For one thread.  REQUIRES: after a call that threw Failure only the destructor
/// follows.
class DatabaseObserver {
public:
    virtual ~DatabaseObserver() = default;
    /// Returns findings only `with_findings`, because they take longer than the rest.
    virtual DatabaseView look(bool with_findings) = 0;
    struct Spans {
        std::vector<Span> spans;
        std::int64_t lost = 0;  ///< how many were overwritten before anybody read them
    };
    /// Returns the spans of calls in sampled traces, each only once: at most `most`, the oldest first.
    virtual Spans take_spans(std::size_t most) = 0;
};
class CacheObserver {
public:
    virtual ~CacheObserver() = default;
    virtual CacheView look() = 0;
};

/// Computes how often readers found a value, from counters that are read now and then.  Not thread-safe.
class HitRate {
public:
    /// Returns the rate of the last five minutes in percent, or nothing if nobody has read.
    std::optional<double> add(Time now, std::int64_t hits, std::int64_t misses)
    {
        // Redis counts from zero again once it has lost its counters.
        if (!marks_.empty() && (hits < marks_.back().hits || misses < marks_.back().misses))
            marks_.clear();
        marks_.push_back({now, hits, misses});
        while (marks_.size() > 2 && now - marks_[1].at >= kWindow)
            marks_.pop_front();
        auto const found = static_cast<double>(hits - marks_.front().hits);
        auto const all = found + static_cast<double>(misses - marks_.front().misses);
        return all > 0 ? std::optional(100 * found / all) : std::nullopt;
    }

private:
    static constexpr std::chrono::minutes kWindow{5};
    struct Mark {
        Time at;
        std::int64_t hits, misses;
    };
    std::deque<Mark> marks_;
};

/// What was seen last, and when; Time{} if nothing was seen yet.
struct Seen {
    DatabaseView database;
    Time database_at{};
    CacheView cache;
    Time cache_at{};
    std::optional<bool> cache_connected;
    std::optional<double> hit_rate;  ///< percent
};

/// Written by the observing thread, read by HTTP.  Thread-safe.
class Board {
public:
    std::shared_ptr<const Seen> get() const
    {
        std::lock_guard const lock(mutex_);
        return seen_;
    }
    void set(Seen seen)
    {
        auto next = std::make_shared<const Seen>(std::move(seen));
        std::lock_guard const lock(mutex_);
        seen_ = std::move(next);
    }

    /// Older observations are not shown as if they were current.
    static constexpr std::chrono::seconds kOld{15};
    static bool is_fresh(Time at, Time now) noexcept { return at != Time{} && now - at <= kOld; }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Seen> seen_ = std::make_shared<const Seen>();
};

}  // namespace wc::app
