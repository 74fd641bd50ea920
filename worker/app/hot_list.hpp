// Which students are read often.
#pragma once
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/builder.hpp"
#include "app/clock.hpp"

namespace wc::app {

/// A student counts as read when a value of it was found in the cache at the moment of its invalidation: somebody
/// had asked for it within its TTL.  (Or the worker had prewarmed it and nobody did; such a value dies with its TTL,
/// so that the mistake ends after one quiet TTL.)  Each such moment adds one to the student's weight, and weights halve
/// every `half_life`.
///
/// Thread-safe.  Memory is bounded: past `limit` students the lightest tenth is dropped.
class HotList {
public:
    void configure(std::size_t limit, std::chrono::seconds half_life);

    /// The weight with this touch counted.
    double touch(const std::string &student, Time now);
    double weight(const std::string &student, Time now) const;
    void erase(const std::string &student);

    /// What an earlier run saved.  Weights known already are kept.
    void merge(std::span<const Hot> saved, Time now);
    /// The heaviest first.
    std::vector<Hot> heaviest(Time now) const;
    std::size_t size() const;
    /// True if anything was touched since the last call.
    bool take_changed();

private:
    struct Weight {
        double value;
        Time at;
    };
    double decayed(const Weight &weight, Time now) const;
    void shrink(Time now);

    mutable std::mutex mutex_;
    std::unordered_map<std::string, Weight> students_;
    std::size_t limit_ = 10000;
    double half_life_s_ = 600;
    bool changed_ = false;
};

}  // namespace wc::app
